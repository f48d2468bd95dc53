"""At which time within a span things get done: the hours of the day at which work is finished."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.dates import spans
from reports.dates.cases import DAY, Cases, Flags, Floats, Integers

#: Points at which a distribution is kept, from its least to its greatest value.
POINTS = np.linspace(0, 1, 25)
#: A distribution of fewer cases than this follows that of all categories.
CASES_MINIMUM = 20


@dataclass(frozen=True)
class Moments:
    """Distributions as quantiles at `POINTS`, in seconds.

    Args:
        clock: by category, the time of day of what is done on a later day than it was reported.
        elapsed: by category and channel, the time since the report of what is done that day.
    """

    clock: Floats
    elapsed: Floats

    @classmethod
    def learn(cls, cases: Cases, categories: int, channels: int) -> Moments:
        """Learn from the cases that are done."""
        span = spans.of_moments(cases, cases.ended)
        later = cases.is_done & (span > 0) & (span < spans.DAILY)
        same_day = cases.is_done & (span == 0)
        pair = cases.category * channels + cases.channel
        by_category = _by(cases.lasted, cases.category, same_day, categories, _half_day())
        elapsed = np.repeat(by_category, channels, axis=0)
        elapsed = _by(cases.lasted, pair, same_day, categories * channels, elapsed)
        clock = _by(np.mod(cases.ended, DAY), cases.category, later, categories, POINTS * DAY)
        return cls(clock=clock, elapsed=elapsed.reshape(categories, channels, -1))

    def at(self, cases: Cases, span: Integers, part: Floats) -> Floats:
        """Return the moment by which a part, from 0 to 1, of what is done in the span is done."""
        clock = _quantile(self.clock[cases.category], part)
        elapsed = _quantile(self.elapsed[cases.category, cases.channel], part)
        start = (cases.day + spans.STARTS[span]) * DAY
        same_day = cases.created + np.minimum(elapsed, DAY - np.mod(cases.created, DAY))
        within = np.where(span < spans.DAILY, clock, part * spans.LENGTHS[span] * DAY)
        return np.where(span == 0, same_day, start + within)

    def part(self, cases: Cases, span: Integers, moment: Floats) -> Floats:
        """Return which part of what is done in the span is done by a moment within it."""
        clock = _share(self.clock[cases.category], np.mod(moment, DAY))
        elapsed = _share(self.elapsed[cases.category, cases.channel], moment - cases.created)
        length = spans.LENGTHS[span] * DAY
        even = (moment - (cases.day + spans.STARTS[span]) * DAY) / length
        part = np.where(span == 0, elapsed, np.where(span < spans.DAILY, clock, even))
        return np.where(moment <= cases.created, 0.0, np.clip(part, 0.0, 1.0))


def _half_day() -> Floats:
    """Return the distribution before anything is known: even over twelve hours."""
    return POINTS * DAY / 2


def _by(values: Floats, group: Integers, chosen: Flags, groups: int, fallback: Floats) -> Floats:
    """Return the quantiles of each group; those of groups with few cases from `fallback`."""
    if chosen.sum() >= CASES_MINIMUM and fallback.ndim == 1:
        fallback = np.quantile(values[chosen], POINTS)
    table: Floats = np.array(np.broadcast_to(fallback, (groups, len(POINTS))))
    values, group = values[chosen], group[chosen]
    counts = np.bincount(group, minlength=groups)
    for one in np.flatnonzero(counts >= CASES_MINIMUM):
        table[one] = np.quantile(values[group == one], POINTS)
    return table


def _quantile(tables: Floats, part: Floats) -> Floats:
    """Return from each row the value at its part, between two points by a straight line."""
    place = np.clip(part, 0.0, 1.0) * (len(POINTS) - 1)
    left = np.minimum(place.astype(np.int64), len(POINTS) - 2)
    rows = np.arange(len(tables))
    weight = place - left
    value: Floats = tables[rows, left] * (1 - weight) + tables[rows, left + 1] * weight
    return value


def _share(tables: Floats, values: Floats) -> Floats:
    """Return for each row the share of its distribution that is below a value."""
    below: Floats = (tables < values[:, None]).mean(axis=1)
    return below
