"""Area subscriptions: their shapes, and whether a point lies within."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import User
from jobs.ledger.database import lock
from reports.errors import TooManySubscriptions
from reports.geography import boxes, polygons
from reports.geography.boxes import EARTH_METRES
from reports.models import AreaSubscription

POLYGON_POSITIONS_MAXIMUM = 500


class AreaInvalid(ValueError):
    """The area cannot be subscribed; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A circle on the earth; degrees in WGS 84."""

    latitude: float
    longitude: float
    radius_metres: int


def subscribe(
    user: User,
    *,
    name: str,
    area: Circle | dict[str, Any],
    categories: list[str],
    delivery: str,
) -> AreaSubscription:
    """Store a subscription of a circle or a GeoJSON Polygon.

    Raises:
        AreaInvalid: the area is too large, or no polygon.
        TooManySubscriptions: the user has AREA_SUBSCRIPTIONS_PER_CITIZEN already.
    """
    shape = _of_circle(area) if isinstance(area, Circle) else _of_polygon(area)
    with transaction.atomic():
        lock(f"area subscriptions {user.pk}")
        if user.area_subscriptions.count() >= settings.AREA_SUBSCRIPTIONS_PER_CITIZEN:
            raise TooManySubscriptions
        return AreaSubscription.objects.create(
            user=user, name=name, categories=categories, delivery=delivery, **shape
        )


def covers(subscription: AreaSubscription, latitude: float, longitude: float) -> bool:
    """Return whether a point lies within a subscription's area, to the metre."""
    if subscription.polygon is not None:
        return polygons.parse(subscription.polygon).covers(latitude, longitude)
    assert subscription.latitude is not None  # noqa: S101 - a constraint says so
    assert subscription.longitude is not None  # noqa: S101 - likewise
    assert subscription.radius_metres is not None  # noqa: S101 - likewise
    metres = distance(subscription.latitude, subscription.longitude, latitude, longitude)
    return metres <= subscription.radius_metres


def distance(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Return the metres between two points on a sphere (haversine)."""
    north = math.radians(to_latitude - latitude) / 2
    east = math.radians(to_longitude - longitude) / 2
    shrink = math.cos(math.radians(latitude)) * math.cos(math.radians(to_latitude))
    chord = math.sin(north) ** 2 + shrink * math.sin(east) ** 2
    return 2 * EARTH_METRES * math.asin(min(1.0, math.sqrt(chord)))


def _of_circle(circle: Circle) -> dict[str, Any]:
    if circle.radius_metres > settings.AREA_RADIUS_MAXIMUM_METRES:
        raise AreaInvalid(f"At most {settings.AREA_RADIUS_MAXIMUM_METRES} metres.")
    north, east = boxes.reach(circle.latitude, circle.radius_metres)
    return {
        "latitude": circle.latitude,
        "longitude": circle.longitude,
        "radius_metres": circle.radius_metres,
        "west": circle.longitude - east,
        "east": circle.longitude + east,
        "south": circle.latitude - north,
        "north": circle.latitude + north,
    }


def _of_polygon(document: dict[str, Any]) -> dict[str, Any]:
    if document.get("type") != "Polygon":
        raise AreaInvalid('Expected a GeoJSON geometry of the type "Polygon".')
    if _positions(document.get("coordinates")) > POLYGON_POSITIONS_MAXIMUM:
        raise AreaInvalid(f"At most {POLYGON_POSITIONS_MAXIMUM} positions.")
    try:
        box = polygons.parse(document).box
    except polygons.PolygonsInvalid as error:
        raise AreaInvalid(str(error)) from error
    width = distance(box.south, box.west, box.south, box.east)
    height = distance(box.south, box.west, box.north, box.west)
    if max(width, height) > 2 * settings.AREA_RADIUS_MAXIMUM_METRES:
        raise AreaInvalid(f"At most {2 * settings.AREA_RADIUS_MAXIMUM_METRES} metres across.")
    shape = {"type": "Polygon", "coordinates": document["coordinates"]}
    return {"polygon": shape, **box._asdict()}


def _positions(rings: Any) -> int:
    """Return how many positions a polygon has, as far as it is one."""
    lists = rings if isinstance(rings, list) else []
    return sum(len(ring) for ring in lists if isinstance(ring, list))
