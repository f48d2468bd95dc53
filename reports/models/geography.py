"""Tables of geography: the named areas of a city."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

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
