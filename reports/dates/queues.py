"""How long the queue of each category is, compared with what is usual there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.dates.cases import UNKNOWN, Cases, Floats, Integers, day_of

#: What was done in so many days says how fast a queue moves.
PACE_DAYS = 28
#: Levels by the logarithm (base 2) of a queue to its usual length; the level 0 is "not known".
EDGES = np.array([-1.5, -0.8, -0.3, 0.3, 0.8, 1.5])
LEVELS = len(EDGES) + 2


@dataclass(frozen=True)
class Queues:
    """The usual length of each category's queue: the mean logarithm of its days of work."""

    usual: Floats

    @classmethod
    def learn(cls, cases: Cases, categories: int) -> tuple[Queues, Daily]:
        """Learn what is usual; return that and the level of each day."""
        first, last = int(cases.day.min(initial=0)), int(day_of(cases.ended).max(initial=0))
        days = last - first + 2
        came = _by_day(cases.category, cases.day - first, categories, days)
        gone = _by_day(cases.category, day_of(cases.ended) - first, categories, days)
        done = cases[cases.is_done]
        finished = _by_day(done.category, day_of(done.ended) - first, categories, days)
        waiting = np.cumsum(came - gone, axis=1) - (came - gone)
        total = np.cumsum(finished, axis=1) - finished
        pace = total[:, PACE_DAYS:] - total[:, :-PACE_DAYS] if days > 2 * PACE_DAYS else None
        if pace is None:
            return cls(usual=np.full(categories, np.nan)), Daily(first=first, levels=None)
        length = _length(waiting[:, 2 * PACE_DAYS :], pace[:, PACE_DAYS:])
        queues = cls(usual=length.mean(axis=1))
        levels = np.zeros((categories, days), dtype=np.int64)
        levels[:, 2 * PACE_DAYS :] = queues._level(length, queues.usual[:, None])
        return queues, Daily(first=first, levels=levels)

    def levels_now(self, waiting: Floats, done_lately: Floats) -> Integers:
        """Return the level of each category from its open reports and its pace.

        `done_lately` is what was done in the last `PACE_DAYS` days.
        """
        levels = self._level(_length(waiting, done_lately), self.usual)
        return np.where(np.isnan(self.usual), UNKNOWN, levels)

    @staticmethod
    def _level(length: Floats, usual: Floats) -> Integers:
        return np.searchsorted(EDGES, length - usual) + 1


@dataclass(frozen=True)
class Daily:
    """The level of each category's queue at the beginning of each day of a history.

    The first days have the level 0: what was open before the history began is not known.
    """

    first: int
    levels: Integers | None

    def at(self, category: Integers, day: Integers) -> Integers:
        """Return the level of each category on each day."""
        if self.levels is None:
            return np.zeros(len(day), dtype=np.int64)
        place = np.clip(day - self.first, 0, self.levels.shape[1] - 1)
        levels: Integers = self.levels[category, place]
        return levels


def _by_day(category: Integers, day: Integers, categories: int, days: int) -> Floats:
    counts = np.bincount(category * days + day, minlength=categories * days)
    return counts.reshape(categories, days).astype(np.float64)


def _length(waiting: Floats, done: Floats) -> Floats:
    """Return the logarithm (base 2) of the days of work that wait."""
    return np.log2((waiting + 1) / ((done + 1) / PACE_DAYS))
