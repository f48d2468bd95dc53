"""Travel between places as the crow flies, lengthened for streets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.dispatch.problem import Matrix

#: Latitude and longitude in degrees (WGS 84).
Place = tuple[float, float]
EARTH_RADIUS_METRES = 6_371_008.8  # the mean radius (IUGG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streets:
    """How much longer streets are than the great circle, and how fast crews drive on them."""

    factor: float = 1.3
    kmh: float = 25.0


def great_circle(places: Sequence[Place], streets: Streets) -> tuple[Matrix, Matrix]:
    """Return the seconds and the metres from each place to each, by the haversine formula."""
    degrees = np.asarray(places, dtype=np.float64).reshape(-1, 2)
    latitudes, longitudes = np.radians(degrees[:, 0]), np.radians(degrees[:, 1])
    north = latitudes[:, None] - latitudes[None, :]
    east = longitudes[:, None] - longitudes[None, :]
    cosines = np.cos(latitudes)[:, None] * np.cos(latitudes)[None, :]
    squared = np.sin(north / 2) ** 2 + cosines * np.sin(east / 2) ** 2
    arcs = 2 * np.arcsin(np.sqrt(np.clip(squared, 0, 1)))
    metres = arcs * EARTH_RADIUS_METRES * streets.factor
    seconds = metres * 3.6 / streets.kmh
    return np.rint(seconds).astype(int).tolist(), np.rint(metres).astype(int).tolist()
