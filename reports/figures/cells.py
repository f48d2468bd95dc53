"""Assign each cell that holds a report to the area in which its centre lies."""

from __future__ import annotations

import structlog

from jobs.ledger.database import fetch
from reports.geography.polygons import Polygons, PolygonsInvalid
from reports.models import Area, CellArea, CityFigures
from reports.models.place import centre_of

log = structlog.get_logger(__name__)

_AREAS_DIGEST = """
SELECT md5(string_agg(id || name || polygons::text, '|' ORDER BY id)) FROM reports_area
"""
_CELLS_WITHOUT_AREA = """
SELECT DISTINCT report.cell FROM reports_report AS report
WHERE report.cell IS NOT NULL
    AND NOT EXISTS (SELECT FROM reports_cellarea AS known WHERE known.cell = report.cell)
"""


def assign() -> str:
    """Assign the cells that have no area yet, or all after an area changed.

    Where areas overlap, the first by name counts. Return the digest of the areas.
    """
    digest: str = fetch(_AREAS_DIGEST, [])[0][0] or ""
    if not CityFigures.objects.filter(areas_digest=digest).exists():
        CellArea.objects.all().delete()
    cells = [cell for (cell,) in fetch(_CELLS_WITHOUT_AREA, [])]
    shapes = _shapes() if cells else []
    CellArea.objects.bulk_create(
        [CellArea(cell=cell, area_id=_area_at(*centre_of(cell), shapes)) for cell in cells],
        batch_size=1_000,
    )
    return digest


def _shapes() -> list[tuple[int, Polygons]]:
    shapes = []
    for area in Area.objects.order_by("name"):
        try:
            shapes.append((area.pk, area.shape()))
        except PolygonsInvalid:
            log.warning("figures.area_is_broken", area=area.pk)
    return shapes


def _area_at(latitude: float, longitude: float, shapes: list[tuple[int, Polygons]]) -> int | None:
    covering = (area for area, shape in shapes if shape.covers(latitude, longitude))
    return next(covering, None)
