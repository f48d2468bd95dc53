"""The cases that dates are learned from, as columns of numbers.

Times are seconds of the clock on the wall: `2018-01-02 09:00` in the city counts as if it were in
UTC, so that days and hours of the day are divisions. Whoever reads cases from a file or from
PostgreSQL converts there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOUR = 3600.0
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the clock on the wall has no time zone
#: Facts of a case that have no order: columns of codes.
KINDS = ("category", "area", "channel", "department", "severity")
#: The code of a fact that is not known, or that was not seen when the model was learned.
UNKNOWN = 0


@dataclass(frozen=True, kw_only=True)
class Cases:
    """Cases as columns of equal length.

    Args:
        created: when each was reported.
        ended: when it was done or was last seen open, whichever came first.
        is_done: whether it was done at `ended`; else it was still open then (censored).
        latitude, longitude: its place in degrees; NaN where unknown.
        category, area, channel, department, severity: codes that a `Names` gave.
    """

    created: Floats
    ended: Floats
    is_done: Flags
    latitude: Floats
    longitude: Floats
    category: Integers
    area: Integers
    channel: Integers
    department: Integers
    severity: Integers

    def __len__(self) -> int:
        return len(self.created)

    def __getitem__(self, chosen: Any) -> Cases:
        """Return the cases of a slice, of a mask or of indexes."""
        return Cases(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @property
    def day(self) -> Integers:
        """The day on which each was reported, counted from 1970."""
        return day_of(self.created)

    @property
    def lasted(self) -> Floats:
        """Seconds from the report until it ended."""
        return self.ended - self.created


class Names:
    """Codes for the values of each fact in `KINDS`; a value that is not known has `UNKNOWN`."""

    def __init__(self, values: dict[str, list[Any]] | None = None) -> None:
        self.values = values or {kind: [] for kind in KINDS}
        self._codes = {
            kind: {value: code for code, value in enumerate(known, UNKNOWN + 1)}
            for kind, known in self.values.items()
        }

    def learn(self, kind: str, values: Iterable[Any]) -> None:
        """Give each value of a fact a code, unless it has one; None and "" get none."""
        codes = self._codes[kind]
        for value in values:
            if value not in (None, "") and value not in codes:
                self.values[kind].append(value)
                codes[value] = len(self.values[kind])

    def codes(self, kind: str, values: Iterable[Any]) -> Integers:
        """Return the code of each value."""
        known = self._codes[kind]
        return np.array([known.get(value, UNKNOWN) for value in values], dtype=np.int64)

    def size(self, kind: str) -> int:
        """Return how many codes there are, the one for unknown values included."""
        return len(self.values[kind]) + 1


def day_of(moment: Floats) -> Integers:
    """Return the day of each moment, counted from 1970."""
    return np.floor_divide(moment, DAY).astype(np.int64)


def date_of(day: int) -> date:
    """Return the date of a day that is counted from 1970."""
    return _EPOCH.date() + timedelta(days=day)


def on_the_wall(moment: datetime) -> float:
    """Return what the clock on the wall shows at a time with an offset, in seconds since 1970."""
    return (moment.replace(tzinfo=None) - _EPOCH).total_seconds()


def utc_seconds(moment: datetime) -> float:
    """Return the seconds since 1970 of a time with an offset."""
    return moment.astimezone(UTC).timestamp()
