"""Days as work goes: working days since a date, weekdays with holidays, and days of a round."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np

from reports.dates.cases import Flags, Integers, date_of

#: 1 January 1970 was a Thursday.
_FIRST_WEEKDAY = 3
#: Kinds of days: 0 to 4 from Monday to Friday, then these.
SATURDAY, SUNDAY, HOLIDAY = 5, 6, 7
KIND_COUNT = 8


class WorkingDays:
    """The calendar of the days from `first` to `last`, counted from 1970.

    Beside its weekday a day has a place in the week's round, such as that of a collection. After a
    holiday the rest of the round is a day later: the Tuesday after a free Monday is its first day,
    and the Saturday its fifth.
    """

    def __init__(self, first: int, last: int, is_holiday: Callable[[date], bool]) -> None:
        self.first = first - (first + _FIRST_WEEKDAY) % 7
        days = np.arange(self.first, last + 8)
        weekday = (days + _FIRST_WEEKDAY) % 7
        is_free = np.array([is_holiday(date_of(int(day))) for day in days])
        is_free &= weekday < SATURDAY
        self._kinds = np.where(is_free, HOLIDAY, weekday)
        self._rounds = _rounds(weekday, is_free)
        self._worked = np.cumsum(self._kinds < SATURDAY)

    def kind(self, day: Integers) -> Integers:
        """Return the weekday of each day, 0 for Monday, and `HOLIDAY` for one."""
        kinds: Integers = self._kinds[self._index(day)]
        return kinds

    def round(self, day: Integers) -> Integers:
        """Return the place of each day in the week's round, from 0, and `HOLIDAY` for one."""
        rounds: Integers = self._rounds[self._index(day)]
        return rounds

    def between(self, start: Integers, end: Integers) -> Integers:
        """Return how many working days lie after `start` up to `end`, that day included."""
        worked: Integers = self._worked[self._index(end)] - self._worked[self._index(start)]
        return worked

    def _index(self, day: Integers) -> Integers:
        return np.clip(day - self.first, 0, len(self._kinds) - 1)


def _rounds(weekday: Integers, is_free: Flags) -> Integers:
    """Return the place of each day in its week's round; the days begin with a Monday."""
    week = np.arange(len(weekday)) // 7
    free_before: Integers = np.cumsum(is_free) - is_free
    free_in_week: Integers = free_before - free_before[week * 7]
    kinds = np.where(weekday == SUNDAY, SUNDAY, weekday - free_in_week)
    kinds[is_free] = HOLIDAY
    return kinds.astype(np.int64)
