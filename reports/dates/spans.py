"""Time since the day of a report, divided into spans: days at first, then weeks and months."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.dates.cases import Cases, Flags, Floats, Integers, day_of

#: Days after the day of the report on which each span begins; the last one has no end.
STARTS = np.array([*range(22), 28, 35, 49, 63, 91, 121, 181, 271, 366, 549, 731, 1096])
COUNT = len(STARTS)
#: How many of the first spans are single days.
DAILY = 21
#: The last span counts as so many days.
_LAST_DAYS = 731
LENGTHS = np.append(np.diff(STARTS), _LAST_DAYS)


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of cases, as columns: the index of the case, and the number of the span."""

    case: Integers
    number: Integers


def of_moments(cases: Cases, moments: Floats) -> Integers:
    """Return the span of each case in which a moment lies."""
    days = np.maximum(day_of(moments) - cases.day, 0)
    numbers: Integers = np.searchsorted(STARTS, days, side="right") - 1
    return numbers


def at_risk(cases: Cases) -> tuple[Spans, Flags]:
    """Return every span in which a case was seen open, and whether it was done in it.

    The span in which an open case was last seen is left out, since its end was not awaited.
    """
    last = of_moments(cases, cases.ended)
    counts = last + cases.is_done
    case = np.repeat(np.arange(len(cases)), counts)
    number = np.arange(len(case)) - np.repeat(np.cumsum(counts) - counts, counts)
    return Spans(case, number), cases.is_done[case] & (number == last[case])


def all_of(cases: int) -> Spans:
    """Return all spans of so many cases, case by case."""
    return Spans(np.repeat(np.arange(cases), COUNT), np.tile(np.arange(COUNT), cases))
