"""Boxes in degrees, and how many degrees a length on the ground spans."""

from __future__ import annotations

import math
from typing import NamedTuple

EARTH_METRES = 6_371_000.0
DEGREE_METRES = math.pi * EARTH_METRES / 180
#: Nearer to a pole, degrees of longitude have no use.
LATITUDE_MAXIMUM = 89.9


class BoundingBox(NamedTuple):
    """A box in degrees (WGS 84). If `west > east`, it crosses the 180th meridian."""

    west: float
    south: float
    east: float
    north: float


def reach(latitude: float, metres: float) -> tuple[float, float]:
    """Return the degrees to the north and to the east that a circle of this radius reaches."""
    north = metres / DEGREE_METRES
    furthest = min(LATITUDE_MAXIMUM, abs(latitude) + north)
    return north, north / math.cos(math.radians(furthest))


def around(latitude: float, longitude: float, metres: float) -> BoundingBox:
    """Return the box of a circle; it may cross the 180th meridian."""
    north, east = reach(latitude, metres)
    if east >= 180:
        return BoundingBox(-180, latitude - north, 180, latitude + north)
    west, east = (_wrapped(longitude + side) for side in (-east, east))
    return BoundingBox(west, latitude - north, east, latitude + north)


def _wrapped(longitude: float) -> float:
    return (longitude + 180) % 360 - 180
