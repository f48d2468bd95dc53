"""The city behind the map, from its own data: boundary, areas, and named streets and places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from jobs.remembered import Remembered
from reports.geography.polygons import PolygonsInvalid, parse
from reports.models import Area, Authority, NamedPlace

#: How long a process uses what it has read.
KEPT_SECONDS = 60
#: The zoom level of the tiles in which streets are sent: some kilometres wide.
STREETS_ZOOM = 13
STREETS_MAXIMUM = 1_500
_TILES = 2**STREETS_ZOOM  # from west to east, and from north to south
_OUTLINE_DEGREES, _STREET_DEGREES = 0.0001, 0.00002  # of tolerance: about 10 and 2 metres

Feature = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Outlines:
    """The outlines of the city and its areas, and [west, south, east, north] of them all."""

    features: list[Feature]
    bounds: list[float] | None


@dataclass(frozen=True, slots=True)
class _Streets:
    """The named streets and places; `names` are the kinds and names of those in the tree."""

    names: list[tuple[str, str]]
    tree: shapely.STRtree


def outlines() -> dict[str, Any]:
    """Return the city's boundary and its areas as GeoJSON."""
    return {"type": "FeatureCollection", "features": _outlines.get().features}


def bounds() -> list[float] | None:
    """Return [west, south, east, north] of the city; None if it has neither boundary nor areas."""
    return _outlines.get().bounds


def streets(x: int, y: int) -> dict[str, Any]:
    """Return the named streets and places that touch a tile as GeoJSON, the longest first.

    Beyond the world there are none.
    """
    if not (0 <= x < _TILES and 0 <= y < _TILES):
        return {"type": "FeatureCollection", "features": []}
    kept = _streets.get()
    tile = shapely.box(*_tile_bounds(x, y))
    touched = kept.tree.query(tile)
    shapes = [(kept.tree.geometries[index], kept.names[index]) for index in touched]
    shapes.sort(key=lambda one: -one[0].length)
    features = [_street(one, kind, name, tile) for one, (kind, name) in shapes[:STREETS_MAXIMUM]]
    return {"type": "FeatureCollection", "features": features}


def _read_outlines() -> _Outlines:
    rows = [
        ("boundary", authority.name, authority.polygons)
        for authority in Authority.objects.filter(is_own=True)
    ]
    rows += [("area", area.name, area.polygons) for area in Area.objects.order_by("name")]
    shapes = []
    for kind, name, document in rows:
        try:
            shapes.append((kind, name, parse(document).shape))
        except PolygonsInvalid:
            continue
    edges = shapely.total_bounds([one for _, _, one in shapes]) if shapes else ()
    return _Outlines(
        features=[_feature(one, kind, name, _OUTLINE_DEGREES) for kind, name, one in shapes],
        bounds=[round(float(degrees), 5) for degrees in edges] or None,
    )


def _read_streets() -> _Streets:
    places = list(NamedPlace.objects.exclude(kind=NamedPlace.Kind.AREA).order_by("pk"))
    return _Streets(
        names=[(place.kind, place.name) for place in places],
        tree=shapely.STRtree([shape(place.geometry) for place in places]),
    )


# Apart, since every page needs the name of the city, and only maps need its many streets.
_outlines = Remembered(_read_outlines, seconds=KEPT_SECONDS)
_streets = Remembered(_read_streets, seconds=KEPT_SECONDS)


def _feature(geometry: BaseGeometry, kind: str, name: str, tolerance: float) -> Feature:
    simple = shapely.set_precision(geometry.simplify(tolerance), 0.00001)
    label = geometry.representative_point()
    properties = {"kind": kind, "name": name, "label": [label.y, label.x]}
    return {"type": "Feature", "geometry": mapping(simple), "properties": properties}


def _street(geometry: BaseGeometry, kind: str, name: str, tile: BaseGeometry) -> Feature:
    return _feature(shapely.intersection(geometry, tile), kind, name, _STREET_DEGREES)


def _tile_bounds(x: int, y: int) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a tile of web maps."""

    def latitude(row: int) -> float:
        angle = math.pi * (1 - 2 * row / _TILES)
        return math.degrees(math.atan(math.sinh(max(min(angle, 20.0), -20.0))))

    return x / _TILES * 360 - 180, latitude(y + 1), (x + 1) / _TILES * 360 - 180, latitude(y)
