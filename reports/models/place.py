"""The cell of the world's hexagonal grid in which a report lies, so that an index finds its
neighbours.
"""

from __future__ import annotations

from typing import Any

import h3.api.basic_int as h3
from django.db import models

CELL_RESOLUTION = 10  # hexagons with edges of 66 to 90 m
RINGS = 2  # around the cell of a point: they hold all within 165 m of it


def cell_of(latitude: float, longitude: float) -> int:
    """Return the H3 cell of a point; degrees in WGS84."""
    return int(h3.latlng_to_cell(latitude, longitude, CELL_RESOLUTION))


def centre_of(cell: int) -> tuple[float, float]:
    """Return latitude and longitude of the centre of an H3 cell, in degrees."""
    latitude, longitude = h3.cell_to_latlng(cell)
    return latitude, longitude


def cells_around(latitude: float, longitude: float) -> list[int]:
    """Return the cells that together hold every point within 150 m."""
    return list(h3.grid_disk(cell_of(latitude, longitude), RINGS))


def cells_literal(latitude: float, longitude: float) -> str:
    """Return `cells_around` as PostgreSQL writes an array, for arrays of arrays of any lengths."""
    return f"{{{','.join(map(str, cells_around(latitude, longitude)))}}}"


class CellField(models.BigIntegerField[Any, Any]):
    """The cell of the row's `latitude` and `longitude`, computed whenever the row is written.

    It is null while the row has no place.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"null": True, "editable": False} | options)

    def pre_save(self, model_instance: models.Model, add: bool) -> int | None:
        row: Any = model_instance
        is_placed = row.latitude is not None and row.longitude is not None
        cell = cell_of(float(row.latitude), float(row.longitude)) if is_placed else None
        setattr(model_instance, self.attname, cell)
        return cell
