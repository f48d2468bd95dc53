"""Places on the globe: boxes around them, and great circle distances in Python and in SQL."""

from __future__ import annotations

import math

import numpy as np
from django.db.models import F, Value
from django.db.models.functions import ASin, Cos, Least, Power, Radians, Sin, Sqrt
from numpy.typing import NDArray

from matching.models import OpportunityQuerySet

EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = 111.195
#: Latitude and longitude in degrees.
Place = tuple[float, float]
#: West, south, east and north in degrees, the order of GeoJSON (RFC 7946, section 5).
Box = tuple[float, float, float, float]


def kilometers_between(a: Place, b: Place) -> float:
    """Return the great circle distance in kilometres, by the haversine formula."""
    (lat1, lng1), (lat2, lng2) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    h = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lng2 - lng1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))


def kilometers_from(place: Place | None, others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same distance from `place` to many others.

    `others` has two rows, latitudes and longitudes; a distance is nan where a place is unknown.
    """
    if place is None:
        return np.full(others.shape[1], np.nan)
    lat1, lng1 = np.radians(place)
    lat2, lng2 = np.radians(others)
    h = np.sin((lat2 - lat1) / 2) ** 2
    h = h + np.cos(lat1) * np.cos(lat2) * np.sin((lng2 - lng1) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, h))))


def kilometers_sql(table: str) -> str:
    """Return the same distance in SQL, from a row of `table` to another place.

    Its three parameters are the other place's latitude, its latitude again, and its longitude.
    """
    return (
        f"2 * {EARTH_RADIUS_KM} * asin(sqrt(least(1, sin(radians({table}.latitude - %s) / 2) ^ 2 + "
        "cos(radians(%s))"
        f" * cos(radians({table}.latitude)) * sin(radians({table}.longitude - %s) / 2) ^ 2)))"
    )


def box_around(place: Place, radius_km: float) -> Box:
    """Return a box that holds the circle; west > east where it crosses the date line."""
    latitude, longitude = place
    height = radius_km / KM_PER_DEGREE
    south, north = latitude - height, latitude + height
    if south <= -90 or north >= 90:
        return -180, max(south, -90), 180, min(north, 90)
    width = math.degrees(
        math.asin(min(1, math.sin(math.radians(height)) / math.cos(math.radians(latitude))))
    )
    west, east = longitude - width, longitude + width
    return west + 360 * (west < -180), south, east - 360 * (east > 180), north


def within(
    opportunities: OpportunityQuerySet, place: Place, radius_km: float
) -> OpportunityQuerySet:
    """Return those of `opportunities` that take place within the radius (great circle).

    The box around the circle is compared first, since an index serves it.
    """
    latitude, longitude = place
    half_height = Sin(Radians(F("latitude") - latitude) / 2)
    half_width = Sin(Radians(F("longitude") - longitude) / 2)
    square = Power(half_height, 2) + math.cos(math.radians(latitude)) * Cos(
        Radians("latitude")
    ) * Power(half_width, 2)
    kilometers = 2 * EARTH_RADIUS_KM * ASin(Sqrt(Least(square, Value(1.0))))
    return (
        opportunities.in_box(box_around(place, radius_km))
        .alias(kilometers=kilometers)
        .filter(kilometers__lte=radius_km)
    )
