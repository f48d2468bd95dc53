"""Hotspots: find where open reports crowd.

A grid-based form of DBSCAN (Ester et al., 1996): cells with enough reports are dense, and dense
cells that touch, even at a corner, form one hotspot. PostgreSQL counts the cells in bands, so
memory grows only with the number of dense cells.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import models, transaction
from django.db.models import Avg, Case, F, FloatField, IntegerField, QuerySet, Value, When
from django.db.models.functions import Cast, Floor

from jobs.http import periods
from jobs.ledger import database
from reports.models import OPEN_STATUSES, BoundingBox, Report

METERS_PER_DEGREE = 111_320
#: The number of bands; after each one progress is shown and a cancelled job stops.
BANDS = 10
HOTSPOTS_MAX = 200

Cell = tuple[int, int]
#: Row and column of the cell, category, reports, mean latitude and longitude.
Count = tuple[int, int, str | None, int, float, float]
Progress = Callable[[float, str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The reports to count, and how dense a cell must be. Only public reports count."""

    box: BoundingBox
    since: datetime
    until: datetime
    cell_meters: int = 250
    min_reports: int = 3
    category: str | None = None

    @classmethod
    def of(
        cls, *, bbox: list[float], since: str | None = None, until: str | None = None, **chosen: Any
    ) -> Search:
        """Return the search that the payload of a job describes."""
        begin, end = periods.bounds(since, until, now=database.now())
        return cls(box=BoundingBox(*bbox), since=begin, until=end, **chosen)

    @property
    def cell_degrees(self) -> tuple[float, float]:
        """Return height and width of a cell in degrees; it is square in the middle of the box."""
        height = self.cell_meters / METERS_PER_DEGREE
        middle = math.radians((self.box.south + self.box.north) / 2)
        return height, height / max(math.cos(middle), 0.01)

    def reports(self) -> QuerySet[Report]:
        """Return the open public reports to count."""
        reports = Report.objects.published().in_box(self.box)
        reports = reports.filter(
            status__in=OPEN_STATUSES, created_at__gte=self.since, created_at__lt=self.until
        )
        return reports.filter(category__slug=self.category) if self.category else reports


@dataclass(slots=True)
class Hotspot:
    """Dense cells that touch, with sums from which to compute means."""

    cells: int = 0
    count: int = 0
    latitudes: float = 0
    longitudes: float = 0
    categories: Counter[str] = field(default_factory=Counter)

    def add(self, other: Hotspot) -> None:
        """Add the sums of another cell."""
        self.cells += other.cells
        self.count += other.count
        self.latitudes += other.latitudes
        self.longitudes += other.longitudes
        self.categories += other.categories

    def as_result(self, cell_meters: int) -> dict[str, Any]:
        """Return the hotspot as JSON.

        The centre is the mean of its reports; the radius, in metres, is that of a disc with the
        area of its cells.
        """
        top = self.categories.most_common(1)
        longitude = (self.longitudes / self.count + 180) % 360 - 180
        return {
            "count": self.count,
            "latitude": round(self.latitudes / self.count, 6),
            "longitude": round(longitude, 6),
            "radius_meters": round(math.sqrt(self.cells / math.pi) * cell_meters),
            "top_category": top[0][0] if top else None,
        }


def find(search: Search, progress: Progress) -> dict[str, Any]:
    """Return the hotspots, those with most reports first, as {"reports", "hotspots"}.

    `progress(fraction, stage, cells)` is called along the way.
    """
    dense: dict[Cell, Hotspot] = {}
    for band in range(BANDS):
        dense |= _dense_cells(search, band)
        progress(0.9 * (band + 1) / BANDS, "counting", len(dense))
    hotspots = sorted(_merge(dense), key=lambda hotspot: hotspot.count, reverse=True)
    progress(1.0, "clustering", len(dense))
    return {
        "reports": sum(hotspot.count for hotspot in hotspots),
        "hotspots": [hotspot.as_result(search.cell_meters) for hotspot in hotspots[:HOTSPOTS_MAX]],
    }


def _dense_cells(search: Search, band: int) -> dict[Cell, Hotspot]:
    """Return the dense cells of one band, which is made of whole rows of cells.

    Only one other cell at a time is in memory.
    """
    with transaction.atomic():  # for the cursor, which a pooler between the statements would lose
        cells = (
            (place, _cell(rows))
            for place, rows in groupby(_counts(search, band), key=lambda row: row[:2])
        )
        return {place: cell for place, cell in cells if cell.count >= search.min_reports}


def _cell(rows: Iterable[Count]) -> Hotspot:
    cell = Hotspot(cells=1)
    for _y, _x, category, count, latitude, longitude in rows:
        categories = Counter({category: count}) if category else Counter()
        cell.add(Hotspot(0, count, latitude * count, longitude * count, categories))
    return cell


def _counts(search: Search, band: int) -> Iterator[Count]:
    """Yield the counts of each cell, one row for each category.

    Where the box crosses the 180th meridian, longitudes go on beyond 180.
    """
    height, width = search.cell_degrees
    box = search.box
    rows = math.floor((box.north - box.south) / height) + 1
    first, last = band * rows // BANDS, (band + 1) * rows // BANDS
    unrolled = Case(
        When(longitude__lt=box.west, then=F("longitude") + Value(360.0)),
        default="longitude",
        output_field=FloatField(),
    )
    numbered = search.reports().annotate(
        unrolled=unrolled,
        y=Cast(Floor((F("latitude") - Value(box.south)) / Value(height)), IntegerField()),
        x=Cast(Floor((F("unrolled") - Value(box.west)) / Value(width)), IntegerField()),
    )
    # The latitudes are for the index, a row wider than the numbers of the rows, which decide.
    latitudes = (box.south + (first - 1) * height, box.south + (last + 1) * height)
    return (
        numbered.filter(latitude__range=latitudes, y__gte=first, y__lt=last)
        .values_list("y", "x", "category__slug")
        .annotate(models.Count("id"), Avg("latitude"), Avg("unrolled"))
        .order_by("y", "x")
        .iterator()
    )


def _merge(dense: dict[Cell, Hotspot]) -> Iterator[Hotspot]:
    """Yield each set of touching cells as one hotspot."""
    left = dict(dense)
    while left:
        place, hotspot = left.popitem()
        border = [place]
        while border:
            y, x = border.pop()
            for neighbour in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if (cell := left.pop(neighbour, None)) is not None:
                    hotspot.add(cell)
                    border.append(neighbour)
        yield hotspot
