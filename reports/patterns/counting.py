"""Count the public reports of a search in PostgreSQL.

Each method is one statement, or a series of short ones: PostgreSQL adds up, and what comes back
grows with the cells and days of one category, not with all reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Avg, Case, Count, F, FloatField, IntegerField, Max, Min, Q, Value, When
from django.db.models.functions import Cast, ExtractHour, Floor, TruncDate
from django.utils import timezone

from jobs.ledger import database
from reports.models import Report, ReportQuerySet, Status
from reports.patterns import crowding, recurrence, seasonality
from reports.patterns.findings import Grid
from reports.patterns.search import Extent, Search

BATCH_REPORTS = 5_000
#: The statuses of reports whose problem was repaired.
REPAIRED = (Status.RESOLVED, Status.CLOSED)


@dataclass(frozen=True, slots=True)
class StoredReports:
    """The reports of a search in the database: a `search.Source`."""

    search: Search

    def extent(self) -> Extent:
        first, last = map(timezone.localdate, (self.search.since, self.search.until))
        with database.unlimited_transactions():
            totals = self._reports(first, last).aggregate(
                Count("id"), Min("created_at"), Max("created_at"), Avg("latitude")
            )
        oldest, newest = totals["created_at__min"], totals["created_at__max"]
        return Extent(
            reports=totals["id__count"],
            first=timezone.localdate(oldest).isoformat() if oldest else None,
            last=timezone.localdate(newest).isoformat() if newest else None,
            latitude=round(totals["latitude__avg"] or 0.0, 1),
        )

    def categories(self, first: date, last: date, *, least: int = 1) -> list[int | None]:
        counts = self._reports(first, last).order_by().values_list("category_id")
        with database.unlimited_transactions():
            ids = [pk for pk, count in counts.annotate(Count("id")) if count >= least]
        return sorted(ids, key=lambda pk: pk or 0)

    def by_cell_and_day(
        self, grid: Grid, category_id: int | None, first: date, last: date
    ) -> Iterator[crowding.Count]:
        counts = (
            self._of(category_id, first, last)
            .annotate(
                y=Cast(Floor(F("latitude") / Value(grid.height)), IntegerField()),
                x=Cast(Floor(self._longitude() / Value(grid.width)), IntegerField()),
                day=TruncDate("created_at"),
            )
            .values_list("y", "x", "day")
            .annotate(Count("id"))
            .order_by()
        )
        return ((y, x, day.toordinal(), count) for y, x, day, count in _streamed(counts))

    def by_day_and_hour(
        self, category_id: int | None, first: date, last: date
    ) -> Iterator[seasonality.HourCount]:
        counts = (
            self._of(category_id, first, last)
            .annotate(day=TruncDate("created_at"), hour=ExtractHour("created_at"))
            .values_list("day", "hour")
            .annotate(Count("id"))
            .order_by()
        )
        return ((day.toordinal(), hour, count) for day, hour, count in _streamed(counts))

    def repairs(
        self, category_id: int | None, first: date, last: date
    ) -> Iterator[recurrence.Event]:
        reports = self._of(category_id, first, last).exclude(status=Status.DUPLICATE)
        rows = _in_batches(reports, "latitude", "longitude", "created_at", "status", "closed_at")
        for latitude, longitude, created_at, status, closed_at in rows:
            is_repaired = closed_at is not None and status in REPAIRED
            repaired_at = closed_at.timestamp() if is_repaired else None
            yield latitude, longitude, created_at.timestamp(), repaired_at

    def texts(self, first: date, last: date) -> Iterator[str]:
        rows = _in_batches(self._reports(first, last), "title", "description")
        return (f"{title}\n{description}" for title, description in rows)

    def day_of(self, at: float) -> date:
        return timezone.localdate(datetime.fromtimestamp(at, UTC))

    def times(self, first: date, last: date) -> tuple[datetime, datetime]:
        """Return the moments between which the reports of these days came."""
        end = _midnight(last + timedelta(days=1))
        return max(self.search.since, _midnight(first)), min(self.search.until, end)

    def reports(self) -> ReportQuerySet:
        """Return all reports of the search."""
        return self._reports(
            timezone.localdate(self.search.since), timezone.localdate(self.search.until)
        )

    @property
    def west(self) -> float:
        """Return the longitude west of which one is counted beyond 180 degrees."""
        box = self.search.box
        return box.west if box and box.west > box.east else -180.0

    def _reports(self, first: date, last: date) -> ReportQuerySet:
        search = self.search
        begin, end = self.times(first, last)
        reports = Report.objects.published().filter(created_at__gte=begin, created_at__lt=end)
        if search.box is not None:
            reports = reports.in_box(search.box)
        return reports.filter(category__slug=search.category) if search.category else reports

    def _of(self, category_id: int | None, first: date, last: date) -> ReportQuerySet:
        return self._reports(first, last).filter(category=category_id)

    def _longitude(self) -> Case:
        return Case(
            When(longitude__lt=self.west, then=F("longitude") + Value(360.0)),
            default="longitude",
            output_field=FloatField(),
        )


def _streamed(counts: Any) -> Iterator[tuple[Any, ...]]:
    """Yield rows through a cursor of PostgreSQL; the transaction lasts until the last one."""
    with database.unlimited_transactions(), transaction.atomic():
        yield from counts.iterator(chunk_size=BATCH_REPORTS)


def _in_batches(reports: ReportQuerySet, *fields: str) -> Iterator[tuple[Any, ...]]:
    """Yield these fields of each report, the oldest first, by short statements."""
    ordered = reports.order_by("created_at", "id").values_list("created_at", "id", *fields)
    batch = list(ordered[:BATCH_REPORTS])
    while batch:
        yield from (row[2:] for row in batch)
        at, pk = batch[-1][:2]
        later = Q(created_at__gt=at) | Q(created_at=at, id__gt=pk)
        batch = list(ordered.filter(later, created_at__gte=at)[:BATCH_REPORTS])


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
