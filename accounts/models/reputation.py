"""The table of the points that users gained and lost."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.model_fields import LineField


class ReputationEntry(models.Model):
    """One change of one user's reputation, for one event."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reputation_entries"
    )
    points = models.IntegerField()
    event_key = models.CharField(
        max_length=200, unique=True, help_text=_("Names the event; an event counts once.")
    )
    reason = LineField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "reputation entries"
        indexes = [
            # A user's ledger, newest first.
            models.Index(fields=["user", "-created_at"], name="accounts_reputation_user"),
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.reason}"
