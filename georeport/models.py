"""Tables of the Open311 interface: the keys of programs, and what they sent."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jobs.model_fields import LineField
from reports.models import Comment, Report

REQUESTS_PER_HOUR_MAXIMUM = 1_000_000


def new_token() -> str:
    return secrets.token_urlsafe(24)


class ApiKey(models.Model):
    """An api_key with which a program sends requests; of its secret only a digest is stored."""

    name = LineField(max_length=80, help_text=_("The program, such as Pocket City for Android."))
    organisation = LineField(
        max_length=120, blank=True, help_text=_("Who answers for what it sends.")
    )
    email = models.EmailField(
        blank=True, help_text=_("Whom staff ask about it; never shown to others.")
    )
    may_submit = models.BooleanField(
        "may send requests", default=True, help_text=_("Whether it may send service requests.")
    )
    may_update = models.BooleanField(
        "may send updates", default=True, help_text=_("Whether it may send updates of requests.")
    )
    is_vouched_for = models.BooleanField(
        "vouched for",
        default=True,
        help_text=_(
            "On: what it sends is public at once, unless its words have to wait. Off: it waits for"
            " moderation, as what anonymous people send."
        ),
    )
    is_test = models.BooleanField(
        "for tests",
        default=False,
        help_text=_("For the test endpoint alone, where everything is checked and nothing stored."),
    )
    requests_per_hour = models.PositiveIntegerField(
        default=1_000,
        validators=[MinValueValidator(1), MaxValueValidator(REQUESTS_PER_HOUR_MAXIMUM)],
        help_text=_("How many requests and updates it may send within an hour."),
    )
    prefix = models.CharField(
        max_length=16,
        unique=True,
        editable=False,
        help_text=_("The part of the key by which it is found; no secret."),
    )
    digest = models.BinaryField(max_length=32, help_text=_("SHA-256 of the whole key."))
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.name


class SentRequest(models.Model):
    """A service request that a program sent, and the report that was made of it.

    One with an address but no place has no report until the geocoder has found the place. So long
    it is `sealed`, since it may hold contact details.
    """

    token = models.CharField(max_length=32, unique=True, default=new_token)
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="sent")
    report = models.ForeignKey(Report, null=True, on_delete=models.CASCADE, related_name="+")
    sealed = models.BinaryField(null=True, help_text=_("What was sent, while its place is sought."))
    refusal = models.CharField(
        max_length=500, blank=True, help_text=_("Why no report was made of it.")
    )
    fingerprint = models.BinaryField(
        null=True,
        max_length=32,
        help_text=_("Stands for all that was sent; empty if nothing says who sent it."),
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(sealed__isnull=True) | Q(report__isnull=True, refusal=""),
                name="georeport_sentrequest_sealed",
            )
        ]

    def __str__(self) -> str:
        return self.token


class SentUpdate(models.Model):
    """An update that a program sent, by which one that comes again is recognised."""

    comment = models.OneToOneField(Comment, on_delete=models.CASCADE, related_name="+")
    digest = models.BinaryField(
        max_length=32,
        db_index=True,
        help_text=_("Stands for the program, the person and the words, or the Idempotency-Key."),
    )
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"update c{self.comment_id}"


class Catalogue(models.Model):
    """When the services and definitions last changed, in one row; clients keep them until then."""

    digest = models.BinaryField(max_length=32, help_text=_("Stands for what clients saw last."))
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="georeport_catalogue_one")
        ]

    def __str__(self) -> str:
        return f"catalogue of {self.changed_at}"
