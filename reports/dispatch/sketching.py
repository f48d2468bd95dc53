"""Sketch the way of a crew for its sheet: stops by number, in straight lines, north at the top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

WIDTH, HEIGHT, MARGIN = 620, 260, 18  # of the picture, in pixels


class Stop(Protocol):
    """A stop of a crew's route."""

    position: int
    latitude: float
    longitude: float


def sketch(stops: Sequence[Stop]) -> SafeString | str:
    """Return the stops as SVG, or nothing where there are fewer than two."""
    if len(stops) < 2:
        return ""
    places = _to_pixels(stops)
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
    marks = format_html_join(
        "",
        '<circle cx="{0}" cy="{1}" r="10" fill="#fff" stroke="#000"/>'
        '<text x="{0}" y="{1}" dy=".35em" text-anchor="middle" font-size="11">{2}</text>',
        (
            (f"{x:.0f}", f"{y:.0f}", stop.position)
            for stop, (x, y) in zip(stops, places, strict=True)
        ),
    )
    return format_html(
        '<svg class="sketch" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<polyline points="{}" fill="none" stroke="#555" stroke-dasharray="5 3"/>{}</svg>',
        WIDTH,
        HEIGHT,
        _("The way from stop to stop, north at the top"),
        line,
        marks,
    )


def _to_pixels(stops: Sequence[Stop]) -> list[tuple[float, float]]:
    north = max(stop.latitude for stop in stops)
    west = min(stop.longitude for stop in stops)
    shrink = math.cos(math.radians(north))  # a degree of longitude is shorter
    offsets = [((stop.longitude - west) * shrink, north - stop.latitude) for stop in stops]
    across, down = (max(offset[axis] for offset in offsets) or 1e-9 for axis in (0, 1))
    scale = min((WIDTH - 2 * MARGIN) / across, (HEIGHT - 2 * MARGIN) / down)
    left, top = (WIDTH - across * scale) / 2, (HEIGHT - down * scale) / 2
    return [(left + x * scale, top + y * scale) for x, y in offsets]
