"""Tables of geography: the named areas of a city, and the authorities around it."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import URLValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jobs.model_fields import LineField
from reports.geography import polygons
from reports.geography.polygons import Polygons, validate_polygons


class Area(models.Model):
    """A part of the city with a name, such as "North", as polygons on the map."""

    name = LineField(
        max_length=120, unique=True, help_text=_("As staff know it, such as North or Old Town.")
    )
    polygons = models.JSONField(
        validators=[validate_polygons],
        help_text=_(
            "Its outline, as GeoJSON: a Polygon, MultiPolygon, Feature or"
            " FeatureCollection in WGS 84 degrees, at most 50,000 positions."
        ),
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

    `manage.py load_boundary` and the desk write them. Without one of the city's own it serves every
    place.
    """

    name = LineField(
        max_length=120, help_text=_("As people read it when a place is not served here.")
    )
    url = models.URLField(
        "web page",
        max_length=300,
        blank=True,
        validators=[URLValidator(schemes=["https", "http"])],
        help_text=_("Where it takes reports, shown beside its name: https://…"),
    )
    is_own = models.BooleanField(
        "is this city",
        default=False,
        help_text=_("On for the places that this city serves, off for a neighbour."),
    )
    polygons = models.JSONField(
        validators=[validate_polygons],
        help_text=_(
            "The places it serves, as GeoJSON: a Polygon, MultiPolygon, Feature or"
            " FeatureCollection in WGS 84 degrees, at most 50,000 positions."
        ),
    )
    updated_at = models.DateTimeField(db_default=Now(), help_text=_("When it last changed."))

    class Meta:
        verbose_name_plural = "authorities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "is_own"], name="reports_authority_unique")
        ]

    def __str__(self) -> str:
        return self.name
