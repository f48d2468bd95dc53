"""Count the reports of a box in the cells of a grid, with bounded work whatever the zoom.

The newest COUNTED_MAXIMUM reports that the filters choose are counted, and the answer says if there
are more. Cells are anchored in the world, not in the box, so that they stay while the map moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db.models import Q
from django.db.models.functions import Now

from jobs.ledger.database import fetch
from reports import searching
from reports.models import OPEN_STATUSES, BoundingBox, Report, ReportQuerySet

COUNTED_MAXIMUM = 10_000
#: Of reports that a search for words chooses, which takes more work for each.
SEARCHED_MAXIMUM = 1_000
ZOOM_MAXIMUM = 20
#: A cell is a quarter as wide as a tile of 256 pixels, and at most so many stand side by side.
_CELLS_ON_TILE, _CELLS_ACROSS = 4, 64
_IS_OVERDUE = Q(status__in=OPEN_STATUSES, due_at__lt=Now())


@dataclass(frozen=True, slots=True)
class Cluster:
    """The reports of one cell: how many, how many of them overdue, and their mean place.

    `named` are their ids, where there are few reports in all cells, or one in this cell.
    """

    count: int
    overdue: int
    latitude: float
    longitude: float
    box: BoundingBox
    named: list[UUID]


@dataclass(frozen=True, slots=True)
class Clusters:
    """All cells of a box that hold reports; with `is_capped` older reports were not counted."""

    cells: list[Cluster]
    is_capped: bool = False

    @property
    def total(self) -> int:
        return sum(cell.count for cell in self.cells)

    @property
    def overdue(self) -> int:
        return sum(cell.overdue for cell in self.cells)


def newest_in(reports: ReportQuerySet, box: BoundingBox, *, words: str = "") -> ReportQuerySet:
    """Return the newest of the reports in a box, as many as are counted.

    `words` is the text by which `reports` were searched, "" if they were not.
    """
    newest = reports.in_box(box).select_related(None).order_by("-created_at", "-id")
    if not words:
        return newest[:COUNTED_MAXIMUM]
    return Report.objects.filter(pk__in=searching.ids(newest, slice(0, SEARCHED_MAXIMUM)))


def count(reports: ReportQuerySet, box: BoundingBox, *, zoom: int, few: int) -> Clusters:
    """Return the clusters of what `newest_in` chose, at a zoom level of web maps.

    Where there are at most `few` reports in all, each cluster lists their ids.
    """
    width, height = _cell_size(box, zoom)
    rows = reports.annotate(is_over=_IS_OVERDUE).values("latitude", "longitude", "pk", "is_over")
    try:
        sql, parameters = rows.query.sql_with_params()
    except EmptyResultSet:
        return Clusters([])
    counted = fetch(_COUNT.format(rows=sql), (few, *parameters, height, width))
    cells = [_cluster(row, width, height) for row in counted]
    maximum = rows.query.high_mark or SEARCHED_MAXIMUM
    return Clusters(cells, is_capped=sum(cell.count for cell in cells) >= maximum)


def _cell_size(box: BoundingBox, zoom: int) -> tuple[float, float]:
    """Return width and height of a cell in degrees; it looks square on the map.

    The height follows from the whole degree of latitude in the middle of the box.
    """
    across = (box.east - box.west) % 360 or 360
    finest = max(360 / 2**zoom / _CELLS_ON_TILE, across / _CELLS_ACROSS)
    width = 360 / 2 ** math.floor(math.log2(360 / finest))
    middle = math.radians(round((box.south + box.north) / 2))
    return width, width * max(math.cos(middle), 0.05)


def _cluster(row: tuple[Any, ...], width: float, height: float) -> Cluster:
    y, x, reports, overdue, latitude, longitude, named = row
    south, west = max(y * height, -90.0), x * width
    box = BoundingBox(west, south, min(west + width, 180.0), min(south + height, 90.0))
    return Cluster(reports, overdue, latitude, longitude, box, named)


_COUNT = """
    SELECT floor(latitude / size.height)::bigint AS y, floor(longitude / size.width)::bigint AS x,
        count(*), count(*) FILTER (WHERE is_over), avg(latitude), avg(longitude),
        CASE WHEN count(*) = 1 OR sum(count(*)) OVER () <= %s
            THEN array_agg(newest.pk) ELSE '{{}}' END
    FROM ({rows}) AS newest, (VALUES (%s::float8, %s::float8)) AS size(height, width)
    GROUP BY y, x ORDER BY y, x
"""
