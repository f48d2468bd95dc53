"""The table of citizens' profiles."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.model_fields import LineField, ParagraphsField
from matching.models.opportunities import Kind
from matching.models.places import place_is_whole


class ProfileQuerySet(models.QuerySet["Profile"]):
    """Choices of profiles."""

    def wanting_notices(self, user_ids: Iterable[UUID]) -> list[UUID]:
        """Return those of the users who want to be notified of new matches."""
        profiles = self.filter(user__in=list(user_ids), wants_match_notices=True)
        return list(profiles.values_list("user_id", flat=True))


class Profile(models.Model):
    """A citizen's profile, by which they are matched. `version` grows with every change."""

    class Visibility(models.TextChoices):
        PRIVATE = "private", _("Only me")
        ORGANISATIONS = "organisations", _("Organisations I apply to")
        PUBLIC = "public", _("Everybody")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile"
    )
    headline = LineField(
        max_length=200, blank=True, help_text=_("Who the citizen is, in a few words.")
    )
    about = ParagraphsField(
        max_length=5000, blank=True, help_text=_("What the citizen has done and would like to do.")
    )
    skills = ArrayField(
        LineField(max_length=80),
        default=list,
        blank=True,
        help_text=_("What the citizen can do, such as carpentry."),
    )
    interests = ArrayField(
        LineField(max_length=80),
        default=list,
        blank=True,
        help_text=_("What the citizen cares about, such as housing."),
    )
    wants = ArrayField(
        models.CharField(max_length=20, choices=Kind),
        default=list,
        blank=True,
        help_text=_("The kinds of opportunities to find; empty means all."),
    )
    availability = LineField(
        max_length=300, blank=True, help_text=_("When the citizen has time, in words.")
    )
    languages = ArrayField(
        models.CharField(max_length=12),
        default=list,
        blank=True,
        help_text=_("Languages that the citizen speaks, as tags such as en and es."),
    )
    latitude = models.FloatField(
        null=True, blank=True, help_text=_("Degrees north (WGS 84), from -90 to 90.")
    )
    longitude = models.FloatField(
        null=True, blank=True, help_text=_("Degrees east (WGS 84), from -180 to 180.")
    )
    radius_km = models.FloatField(
        null=True, blank=True, help_text=_("How far the citizen would go; empty means anywhere.")
    )
    visibility = models.CharField(
        max_length=20,
        choices=Visibility,
        default=Visibility.PRIVATE,
        help_text=_("Who may read the profile."),
    )
    wants_match_notices = models.BooleanField(
        "wants match notices",
        default=True,
        db_default=True,
        help_text=_("Whether to be notified of new matches."),
    )
    match_floor = models.FloatField(
        null=True,
        editable=False,
        help_text=_("The score of the last saved match after a run that filled the list."),
    )
    version = models.PositiveIntegerField(default=1, help_text=_("Grows with every change."))
    onboarded_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it was first written; empty until then.")
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = ProfileQuerySet.as_manager()

    class Meta:
        constraints = [
            place_is_whole("matching_profile_place"),
            models.CheckConstraint(
                condition=Q(radius_km=None) | Q(radius_km__gt=0, radius_km__lte=20_100),
                name="matching_profile_radius",
                violation_error_message="A radius is more than 0 and at most 20,100 km.",
            ),
        ]

    def __str__(self) -> str:
        return self.headline or f"profile {self.id}"

    @property
    def place(self) -> tuple[float, float] | None:
        """Return latitude and longitude, or None if the profile has no place."""
        return (
            None
            if self.latitude is None or self.longitude is None
            else (self.latitude, self.longitude)
        )
