"""Read polygons in GeoJSON (RFC 7946), check them, and ask which points they cover."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import shapely
from django.core.exceptions import ValidationError
from shapely.geometry.base import BaseGeometry

from jobs import numbers
from reports.geography.boxes import BoundingBox

POSITIONS_MAXIMUM = 50_000  # of all polygons of a document together
# RFC 7946 knows WGS 84 alone; older files name it in one of these ways.
_WGS84 = ("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "EPSG:4326")

Position = tuple[float, float]
Ring = list[Position]


class PolygonsInvalid(ValueError):
    """The polygons cannot be used; the message names the fault and its place."""


@dataclass(frozen=True, slots=True)
class Polygons:
    """One or several polygons, ready to be asked about any number of points, also by threads."""

    shape: BaseGeometry
    box: BoundingBox
    # A prepared shape that two threads ask at once can crash the process.
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def covers(self, latitude: float, longitude: float) -> bool:
        """Return whether a point lies within the polygons or on their border; degrees in WGS84."""
        west, south, east, north = self.box
        if not (south <= latitude <= north and west <= longitude <= east):
            return False
        with self._lock:
            return bool(shapely.intersects_xy(self.shape, longitude, latitude))


def parse(document: Any) -> Polygons:
    """Read a GeoJSON Polygon, MultiPolygon, Feature or FeatureCollection, as `json.loads` gives it.

    Polygons may overlap; together they cover what each of them covers.

    Raises:
        PolygonsInvalid: anything else, and polygons that cross themselves.
    """
    shapes = [_polygon(rings, place) for place, rings in _bounded(_polygons(document))]
    if not shapes:
        raise PolygonsInvalid("There is no polygon in it.")
    try:
        shape = shapely.union_all(shapes)
    except shapely.GEOSException as error:
        raise PolygonsInvalid(f"They cannot be joined: {error}.") from error
    shapely.prepare(shape)
    return Polygons(shape, BoundingBox(*(float(degrees) for degrees in shape.bounds)))


def parse_text(text: str | bytes) -> Polygons:
    """Read GeoJSON as a file holds it.

    Raises:
        PolygonsInvalid: it is no JSON, or `parse` refuses it.
    """
    try:
        return parse(json.loads(text))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PolygonsInvalid(f"It is no JSON: {error}.") from error


def validate_polygons(value: Any) -> None:
    """Check that a model's field holds polygons.

    Raises:
        ValidationError: it does not; the message says why.
    """
    try:
        parse(value)
    except PolygonsInvalid as error:
        raise ValidationError(str(error)) from error


def _polygons(document: Any) -> Iterator[tuple[str, list[Ring]]]:
    """Yield each polygon as its rings, with its place in the document."""
    _require_wgs84(document)
    if _kind(document) == "Feature":
        yield from _of_geometry(document.get("geometry"), "")
    elif _kind(document) == "FeatureCollection":
        for number, feature in enumerate(_list(document.get("features"), "features"), start=1):
            if _kind(feature) != "Feature":
                raise PolygonsInvalid(f"Feature {number} is no Feature.")
            yield from _of_geometry(feature.get("geometry"), f"feature {number}")
    else:
        yield from _of_geometry(document, "")


def _of_geometry(geometry: Any, place: str) -> Iterator[tuple[str, list[Ring]]]:
    if _kind(geometry) == "Polygon":
        yield _named(place, "the polygon"), _rings(geometry.get("coordinates"), place)
    elif _kind(geometry) == "MultiPolygon":
        parts = _list(geometry.get("coordinates"), _named(place, "coordinates"))
        for number, part in enumerate(parts, start=1):
            inner = _named(place, f"polygon {number}")
            yield inner, _rings(part, inner)
    else:
        raise PolygonsInvalid(_refusal(_kind(geometry), place))


def _kind(value: Any) -> Any:
    return value.get("type") if isinstance(value, dict) else None


def _refusal(kind: Any, place: str) -> str:
    expected = "Expected GeoJSON of type Polygon, MultiPolygon, Feature or FeatureCollection"
    got = f", not {kind[:40]!r}" if isinstance(kind, str) else ""
    return f"{expected}{got}{f' ({place})' if place else ''}."


def _require_wgs84(document: Any) -> None:
    crs = document.get("crs") if isinstance(document, dict) else None
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if name not in _WGS84:
        raise PolygonsInvalid(
            f"Its coordinates are in {str(name)[:60]!r}; "
            "GeoJSON has longitude and latitude in WGS 84."
        )


def _rings(coordinates: Any, place: str) -> list[Ring]:
    rings = _list(coordinates, _named(place, "coordinates"))
    if not rings:
        raise PolygonsInvalid(f"{_named(place, 'the polygon').capitalize()} has no ring.")
    return [
        _ring(ring, _named(place, f"ring {number}")) for number, ring in enumerate(rings, start=1)
    ]


def _ring(value: Any, place: str) -> Ring:
    positions = _list(value, place)
    if len(positions) > POSITIONS_MAXIMUM:
        raise PolygonsInvalid(_too_many())
    ring = [
        _position(position, f"{place}, position {number}")
        for number, position in enumerate(positions, start=1)
    ]
    if len(ring) < 4:
        raise PolygonsInvalid(f"{place.capitalize()} has fewer than four positions.")
    if ring[0] != ring[-1]:
        raise PolygonsInvalid(
            f"{place.capitalize()} is not closed: its last position must be its first."
        )
    return ring


def _position(value: Any, place: str) -> Position:
    is_pair = isinstance(value, list) and len(value) >= 2
    if not is_pair or not all(type(degrees) in (int, float) for degrees in value[:2]):
        raise PolygonsInvalid(
            f"{place.capitalize()}: expected [longitude, latitude] in degrees, "
            "such as [-72.9, 41.3]."
        )
    try:
        longitude, latitude = numbers.finite(value[0]), numbers.finite(value[1])
    except ValueError:
        raise PolygonsInvalid(f"{place.capitalize()} is not finite.") from None
    if abs(longitude) > 180 or abs(latitude) > 90:
        raise PolygonsInvalid(
            f"{place.capitalize()} is out of range: {longitude:g}, {latitude:g}. "
            "GeoJSON writes the longitude first."
        )
    return longitude, latitude


def _bounded(
    polygons: Iterator[tuple[str, list[Ring]]],
) -> Iterator[tuple[str, list[Ring]]]:
    """Yield the polygons as long as they have no more positions than are allowed."""
    count = 0
    for place, rings in polygons:
        count += sum(len(ring) for ring in rings)
        if count > POSITIONS_MAXIMUM:
            raise PolygonsInvalid(_too_many())
        yield place, rings


def _too_many() -> str:
    return f"It has more than {POSITIONS_MAXIMUM:,} positions; simplify it."


def _polygon(rings: list[Ring], place: str) -> BaseGeometry:
    polygon = shapely.Polygon(rings[0], rings[1:])
    if not shapely.is_valid(polygon):
        reason = shapely.is_valid_reason(polygon)
        raise PolygonsInvalid(f"{place.capitalize()} is not valid: {reason}.")
    return polygon


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise PolygonsInvalid(f"{place.capitalize()}: expected a list.")
    return value


def _named(place: str, part: str) -> str:
    """Return the place of a part, such as `feature 2, ring 1`."""
    return f"{place}, {part}" if place else part
