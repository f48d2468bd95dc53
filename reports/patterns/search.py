"""What a run searches, and from where it gets its counts.

Plain data, without Django: whoever implements `Source` has the same searches give the same results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from reports.geography.boxes import BoundingBox
from reports.patterns import crowding, recurrence, seasonality
from reports.patterns.findings import Grid

LENGTH = timedelta(days=5 * 365)


@dataclass(frozen=True, kw_only=True)
class Search:
    """The reports to search, and how; all defaults are here."""

    since: datetime
    until: datetime
    box: BoundingBox | None = None
    category: str | None = None
    cell_meters: int = 400
    radius_meters: int = 1_000
    longest_days: int = 28
    permutations: int = 199
    false_discovery_rate: float = 0.05
    recurrence_meters: int = 50
    least_returns: int = 2
    topic_days: int = 28
    seed: int = 1

    @classmethod
    def of(
        cls,
        *,
        now: datetime,
        since: str | None = None,
        until: str | None = None,
        bbox: list[float] | None = None,
        **chosen: Any,
    ) -> Search:
        """Return the search that the payload of a job describes."""
        end = datetime.fromisoformat(until) if until else now
        return cls(
            since=datetime.fromisoformat(since) if since else end - LENGTH,
            until=end,
            box=BoundingBox(*bbox) if bbox else None,
            **chosen,
        )

    @classmethod
    def of_inputs(cls, inputs: dict[str, Any]) -> Search:
        """Return the search of which these are the inputs."""
        return cls.of(now=datetime.now(UTC), **inputs)

    def inputs(self) -> dict[str, Any]:
        """Return the payload with all defaults filled in."""
        values = asdict(self)
        del values["box"]
        return values | {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "bbox": list(self.box) if self.box else None,
        }


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What there is to search: how many reports, of which days, around which latitude."""

    reports: int
    first: str | None
    last: str | None
    latitude: float

    @property
    def days(self) -> tuple[date, date]:
        """Return the days of the first and the last report.

        Raises:
            ValueError: there are no reports.
        """
        if self.first is None or self.last is None:
            raise ValueError("There are no reports.")
        return date.fromisoformat(self.first), date.fromisoformat(self.last)


class Source(Protocol):
    """The public reports of one search, counted.

    Days are those of TIME_ZONE, and the last one is included. A category is an id, or None for
    reports without one.
    """

    def extent(self) -> Extent:
        """Return what there is to search."""
        ...

    def categories(self, first: date, last: date, *, least: int = 1) -> list[int | None]:
        """Return the categories with at least so many reports in these days, in their order."""
        ...

    def by_cell_and_day(
        self, grid: Grid, category_id: int | None, first: date, last: date
    ) -> Iterator[crowding.Count]:
        """Yield the counts of cells and days, in any order.

        Where the box crosses the 180th meridian, longitudes go on beyond 180.
        """
        ...

    def by_day_and_hour(
        self, category_id: int | None, first: date, last: date
    ) -> Iterator[seasonality.HourCount]:
        """Yield the counts of days and hours, in any order."""
        ...

    def repairs(
        self, category_id: int | None, first: date, last: date
    ) -> Iterator[recurrence.Event]:
        """Yield the reports, the oldest first, without duplicates of others."""
        ...

    def texts(self, first: date, last: date) -> Iterator[str]:
        """Yield title and description of each report, in any order."""
        ...

    def day_of(self, at: float) -> date:
        """Return the day of a time in seconds since 1970."""
        ...
