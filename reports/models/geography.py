"""Tables of geography: the named areas of a city, and the authorities around it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from jobs.model_fields import LineField
from reports.geography import polygons
from reports.geography.polygons import Polygons, validate_polygons


class Area(models.Model):
    """A part of the city with a name, such as "North", as polygons on the map."""

    name = LineField(max_length=120, unique=True)
    polygons = models.JSONField(
        validators=[validate_polygons],
        help_text="GeoJSON: a Polygon, MultiPolygon, Feature or FeatureCollection in WGS 84.",
    )

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    def shape(self) -> Polygons:
        """Return the polygons, ready to be asked about points.

        Raises:
            PolygonsInvalid: what is stored cannot be used.
        """
        return polygons.parse(self.polygons)


class Authority(models.Model):
    """An authority and the places that it serves: the city itself, or a neighbour.

    `manage.py load_boundary` writes them. Without one of the city's own it serves every place.
    """

    name = LineField(max_length=120)
    url = models.URLField(max_length=300, blank=True, help_text="Where it takes reports.")
    is_own = models.BooleanField(help_text="Whether it is this city, not a neighbour.")
    polygons = models.JSONField(validators=[validate_polygons], help_text="GeoJSON in WGS 84.")
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "authorities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "is_own"], name="reports_authority_unique")
        ]

    def __str__(self) -> str:
        return self.name
