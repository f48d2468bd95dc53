"""Constraints that several tables share."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

PLACE_IS_NO_PLACE = "Latitude and longitude go together, from -90 to 90 and from -180 to 180."


def place_is_whole(name: str) -> models.CheckConstraint:
    """Return a constraint: latitude and longitude are both set and in range, or both missing."""
    nowhere = Q(latitude=None, longitude=None)
    in_range = Q(latitude__gte=-90, latitude__lte=90, longitude__gte=-180, longitude__lte=180)
    somewhere = Q(latitude__isnull=False, longitude__isnull=False) & in_range
    return models.CheckConstraint(
        condition=nowhere | somewhere, name=name, violation_error_message=PLACE_IS_NO_PLACE
    )
