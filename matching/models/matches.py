"""The tables of matches: runs, saved matches and rankings kept for reuse."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.model_fields import LineField
from matching.models.opportunities import Opportunity


class MatchRun(models.Model):
    """A citizen's request for matches; the task with `task_id` finds them and fills `matches`.

    `matches` is a list of `{opportunity_id, score, reasons}`, best first.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    task_id = models.UUIDField(unique=True, null=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="match_runs"
    )
    keywords = LineField(max_length=500, blank=True)
    filters = models.JSONField(default=dict)
    limit = models.PositiveSmallIntegerField(default=100)
    is_saved = models.BooleanField(
        default=False, help_text=_("Its matches become the citizen's saved matches.")
    )
    wants_notice = models.BooleanField(default=False)
    matches = models.JSONField(null=True)
    ended_as = models.CharField(
        max_length=10,
        blank=True,
        db_default="",
        help_text=_("How its task ended without matches: dead or cancelled."),
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            # Pruning by age.
            models.Index(fields=["created_at"], name="matching_run_age"),
        ]

    def __str__(self) -> str:
        return f"match run {self.id}"


class Match(models.Model):
    """An opportunity that suits a citizen. `reasons` is a list of `{kind, text, …}`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="matches"
    )
    opportunity = models.ForeignKey(Opportunity, on_delete=models.CASCADE, related_name="matches")
    score = models.FloatField(help_text=_("How well it suits the citizen; higher is better."))
    reasons = models.JSONField(default=list, help_text=_("Why it suits, the weightiest first."))
    created_at = models.DateTimeField(db_default=Now(), help_text=_("When it was first found."))
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "matches"
        constraints = [
            models.UniqueConstraint(fields=["user", "opportunity"], name="matching_match_once")
        ]
        indexes = [
            # A citizen's matches, best first.
            models.Index(fields=["user", "-score", "-id"], name="matching_match_best"),
            # A citizen's matches that are new since a time.
            models.Index(fields=["user", "-created_at", "-id"], name="matching_match_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} and {self.opportunity_id}"


class CachedRanking(models.Model):
    """A ranking that may be used until `expires_at`; `key` is a hash of all that it depends on."""

    key = models.CharField(primary_key=True, max_length=64, help_text=_("SHA-256"))
    ranking = models.JSONField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
