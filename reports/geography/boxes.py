"""Boxes in degrees."""

from __future__ import annotations

from typing import NamedTuple


class BoundingBox(NamedTuple):
    """A box in degrees (WGS 84). If `west > east`, it crosses the 180th meridian."""

    west: float
    south: float
    east: float
    north: float
