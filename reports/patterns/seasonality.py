"""Find when in the week, the day and the year reports of a kind are frequent, and how strongly.

The strength is Cramér's V of the counts against equal shares: 0 where every weekday, hour or month
brings the same, 1 where all reports fall on one. The chi-square statistic is divided by the
overdispersion of the daily counts (McCullagh and Nelder, 1989, Generalized Linear Models, chapter
4.5), since one storm brings many reports and is no season.

Plain counts and numpy, without Django.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.patterns.significance import chi_square_tail

#: A day by its number (`date.toordinal`), an hour of it, and the reports then.
HourCount = tuple[int, int, int]
CYCLES = ("weekday", "hour", "month")
REPORTS_MINIMUM = 50
#: A period with fewer days says nothing about weekdays and hours, or about months.
DAYS_MINIMUM = {"weekday": 28, "hour": 28, "month": 730}


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """How reports spread over a cycle.

    `shares` are of Monday to Sunday, of the hours from 0, or of January to December, each day
    counted alike, and add up to 1; `peak` is the index of the largest.
    """

    cycle: str
    reports: int
    shares: tuple[float, ...]
    strength: float
    p_value: float

    @property
    def peak(self) -> int:
        return max(range(len(self.shares)), key=lambda index: self.shares[index])


def seasons(counts: Iterable[HourCount], *, first: date, last: date) -> list[Season]:
    """Return the seasons of one kind of reports in a period, `last` day included.

    There are none of a cycle for which the period or the reports are too few.
    """
    by_day, by_hour = _sums(counts, first, last)
    total = int(by_day.sum())
    if total < REPORTS_MINIMUM:
        return []
    days = [first + timedelta(days=number) for number in range(len(by_day))]
    weekdays = np.array([day.weekday() for day in days])
    months = np.array([day.month - 1 for day in days])
    spread: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        "weekday": (np.bincount(weekdays, by_day, 7), np.bincount(weekdays, minlength=7)),
        "hour": (by_hour, np.full(24, len(days))),
        "month": (np.bincount(months, by_day, 12), np.bincount(months, minlength=12)),
    }
    dispersion = _dispersion(by_day)
    return [
        _season(cycle, *spread[cycle], dispersion=dispersion)
        for cycle in CYCLES
        if len(days) >= DAYS_MINIMUM[cycle]
    ]


def _sums(
    counts: Iterable[HourCount], first: date, last: date
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    by_day = np.zeros((last - first).days + 1)
    by_hour = np.zeros(24)
    for day, hour, count in counts:
        by_day[day - first.toordinal()] += count
        by_hour[hour] += count
    return by_day, by_hour


def _dispersion(by_day: NDArray[np.float64]) -> float:
    """Return how much more the days vary than by chance alone; 1 where they do not."""
    return max(1.0, float(by_day.var(ddof=1) / by_day.mean()))


def _season(
    cycle: str, counts: NDArray[np.float64], days: NDArray[np.int64], *, dispersion: float
) -> Season:
    total = counts.sum()
    expected = total * days / days.sum()
    squares = float(((counts - expected) ** 2 / expected).sum())
    degrees = len(counts) - 1
    rates = counts / days
    return Season(
        cycle=cycle,
        reports=int(total),
        shares=tuple(round(float(rate), 6) for rate in rates / rates.sum()),
        strength=(squares / (total * degrees)) ** 0.5,
        p_value=chi_square_tail(squares / dispersion, degrees),
    )
