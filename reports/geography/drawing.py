"""Draw polygons as small pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from django.utils.html import format_html, format_html_join
from shapely.geometry.base import BaseGeometry

from reports.geography import polygons
from reports.geography.polygons import PolygonsInvalid

WIDTH = 160  # of a picture, in pixels
_POINTS_MAXIMUM = 400


def outline(
    document: Any, *, width: int = WIDTH, points: Iterable[tuple[float, float]] = ()
) -> str:
    """Return the polygons of a GeoJSON document as SVG with north at the top.

    The points, as latitude and longitude, are dots on it. If the polygons cannot be used, return
    the reason instead.
    """
    if not document:
        return "-"
    try:
        shape = polygons.parse(document)
    except PolygonsInvalid as error:
        return str(error)
    west, south, east, north = shape.box
    shrink = math.cos(math.radians((south + north) / 2))  # a degree of longitude is shorter
    scale = width / max((east - west) * shrink, north - south)

    def to_pixels(x: float, y: float) -> tuple[float, float]:
        return (x - west) * shrink * scale, (north - y) * scale

    path = " ".join(
        _ring(ring.coords, to_pixels)
        for part in _parts(shape.shape)
        for ring in (part.exterior, *part.interiors)
    )
    size = [math.ceil(pixels) + 1 for pixels in to_pixels(east, south)]
    dots = ((f"{x:.1f}", f"{y:.1f}") for x, y in (to_pixels(lon, lat) for lat, lon in points))
    return format_html(
        '<svg width="{}" height="{}" viewBox="0 0 {} {}" role="img"'
        ' aria-label="Outline of the area">'
        '<path d="{}" fill="currentColor" fill-opacity=".25" fill-rule="evenodd"'
        ' stroke="currentColor"/>{}</svg>',
        *size,
        *size,
        path,
        format_html_join("", '<circle cx="{}" cy="{}" r="2" fill="currentColor"/>', dots),
    )


def _parts(shape: BaseGeometry) -> list[Any]:
    return list(getattr(shape, "geoms", [shape]))


def _ring(coordinates: Any, to_pixels: Any) -> str:
    step = max(1, len(coordinates) // _POINTS_MAXIMUM)
    points = (to_pixels(x, y) for x, y in list(coordinates)[::step])
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points) + "Z"
