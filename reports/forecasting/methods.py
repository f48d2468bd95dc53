"""Methods of forecasting daily counts, the simplest first. They know nothing of the database.

A history is an array of counts with a row for each series and a column for each day, the last one
yesterday. A forecast has a column for each of the `HORIZON_DAYS` days that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.float64]
Method: TypeAlias = Callable[[Counts], Counts]

HORIZON_DAYS = 28
WEEK, YEAR = 7, 364  # a year of whole weeks, so that weekdays meet
#: What the methods look back on, and how fast `smoothed` forgets.
RECENT_DAYS, HALF_LIFE_DAYS = 56, 14
#: By so many weeks of the usual number a season's change is drawn towards none.
SEASON_PRIOR_WEEKS = 2.0


def mean(history: Counts) -> Counts:
    """Return the mean day of the last eight weeks, for every day."""
    level: Counts = history[:, -RECENT_DAYS:].mean(axis=1, keepdims=True)
    return np.repeat(level, HORIZON_DAYS, axis=1)


def weekdays(history: Counts) -> Counts:
    """Return for each day the mean of its weekday in the last eight weeks."""
    return _by_weekday(_weekday_means(history))


def smoothed(history: Counts) -> Counts:
    """Return an exponentially smoothed level, spread over the weekdays as all series together are.

    The level of a series has a half-life of two weeks (simple exponential smoothing); one series
    alone is often too thin to show its weekdays.
    """
    ages = np.arange(history.shape[1])[::-1]
    weights = 0.5 ** (ages / HALF_LIFE_DAYS)
    level = (history * weights).sum(axis=1, keepdims=True) / weights.sum()
    profile = _weekday_means(history.sum(axis=0, keepdims=True))
    mean_day = profile.mean()
    shares = profile / mean_day if mean_day else np.ones_like(profile)
    days: Counts = level * _by_weekday(shares)
    return days


def seasonal(history: Counts) -> Counts:
    """Return `smoothed`, changed as the same four weeks of last year changed from those before.

    The change is that of all series together, drawn towards none where counts are small. Without
    a year of history it is `smoothed`.
    """
    days = history.shape[1]
    if days < YEAR + HORIZON_DAYS:
        return smoothed(history)
    city = history.sum(axis=0)
    then = days - YEAR
    before = city[then - HORIZON_DAYS : then].sum()
    after = city[then : then + HORIZON_DAYS].sum()
    prior = SEASON_PRIOR_WEEKS * WEEK * city.mean()
    change = (after + prior) / (before + prior) if before + prior else 1.0
    return smoothed(history) * change


#: By name, the simplest first.
METHODS: dict[str, Method] = {
    "mean": mean,
    "weekdays": weekdays,
    "smoothed": smoothed,
    "seasonal": seasonal,
}


def _weekday_means(history: Counts) -> Counts:
    """Return the mean of each day of the week; the first column is the day after the history."""
    whole_weeks = min(RECENT_DAYS, history.shape[1]) // WEEK
    recent = history[:, -whole_weeks * WEEK :]
    means: Counts = recent.reshape(history.shape[0], whole_weeks, WEEK).mean(axis=1)
    return means


def _by_weekday(week: Counts) -> Counts:
    return np.tile(week, HORIZON_DAYS // WEEK)
