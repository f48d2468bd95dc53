"""Find what keeps coming back at one place, although it was repaired.

Plain tuples in and out, without Django. Memory grows with the number of places, not with that of
reports.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

#: Latitude and longitude in degrees; when it was reported and when its repair ended, in seconds
#: since 1970. While it is not repaired the latter is None.
Event = tuple[float, float, float, float | None]

METERS_PER_DEGREE = 111_320
DAY_SECONDS = 86_400
#: A report so soon after a repair is about the repair, not about a new problem.
GRACE_SECONDS = DAY_SECONDS


@dataclass(slots=True)
class Place:
    """A spot with the reports about it.

    `returns` counts how often it was reported again after it had been repaired, and `pauses` holds
    the days between each repair and the return.
    """

    latitude: float
    longitude: float
    first_at: float
    last_at: float
    repaired_at: float
    reports: int = 1
    pauses: list[float] = field(default_factory=list)

    @property
    def returns(self) -> int:
        return len(self.pauses)

    @property
    def median_pause_days(self) -> float:
        return median(self.pauses)

    def add(self, created_at: float, repaired_at: float | None) -> None:
        """Count a further report, which is not older than those before."""
        if created_at > self.repaired_at + GRACE_SECONDS:
            self.pauses.append((created_at - self.repaired_at) / DAY_SECONDS)
        self.reports += 1
        self.last_at = created_at
        self.repaired_at = max(self.repaired_at, _end(repaired_at))


def returning(events: Iterable[Event], *, meters: float, least_returns: int) -> list[Place]:
    """Return the places to which problems of one kind came back, the most faithful first.

    A report belongs to the nearest place within `meters`, or else begins a place of its own.

    Args:
        events: the reports of one category, the oldest first.
        least_returns: how often it must have come back.
    """
    places = _Places(meters)
    for event in events:
        places.add(event)
    many = [place for place in places if place.returns >= least_returns]
    return sorted(many, key=_order)


def _order(place: Place) -> tuple[float, ...]:
    return -place.returns, -place.reports, place.first_at, place.latitude, place.longitude


class _Places:
    """Places in cells as wide as the distance within which they take reports."""

    def __init__(self, meters: float) -> None:
        self._meters = meters
        self._height = meters / METERS_PER_DEGREE
        self._cells: dict[tuple[int, int], list[Place]] = {}

    def __iter__(self) -> Iterator[Place]:
        return (place for places in self._cells.values() for place in places)

    def add(self, event: Event) -> None:
        latitude, longitude, created_at, repaired_at = event
        place = self._nearest(latitude, longitude)
        if place is not None:
            place.add(created_at, repaired_at)
            return
        row = math.floor(latitude / self._height)
        place = Place(latitude, longitude, created_at, created_at, _end(repaired_at))
        self._cells.setdefault((row, self._column(row, longitude)), []).append(place)

    def _nearest(self, latitude: float, longitude: float) -> Place | None:
        row = math.floor(latitude / self._height)
        near = [
            (distance, place)
            for y in (row - 1, row, row + 1)
            for x in self._columns(y, longitude)
            for place in self._cells.get((y, x), ())
            if (distance := _meters(latitude, longitude, place)) <= self._meters
        ]
        return min(near, key=lambda one: one[0])[1] if near else None

    def _columns(self, row: int, longitude: float) -> Iterator[int]:
        middle = self._column(row, longitude)
        return iter((middle - 1, middle, middle + 1))

    def _column(self, row: int, longitude: float) -> int:
        """Return the column in a row, whose cells are as wide as they are high."""
        stretch = max(math.cos(math.radians((row + 0.5) * self._height)), 0.01)
        return math.floor(longitude * stretch / self._height)


def _end(repaired_at: float | None) -> float:
    return math.inf if repaired_at is None else repaired_at


def _meters(latitude: float, longitude: float, place: Place) -> float:
    """Return the distance to a place near by, on a flat map."""
    width = (longitude - place.longitude) * math.cos(math.radians(latitude))
    return math.hypot(latitude - place.latitude, width) * METERS_PER_DEGREE
