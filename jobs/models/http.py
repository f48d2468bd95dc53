"""Tables of what protects the API: limits, and answers to repeated requests."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class RateLimit(models.Model):
    """The hits of one limit in its present window; written only by `jobs.http.limits`.

    Only the key is indexed, so that PostgreSQL can update the row in place (a heap-only update).
    """

    key = models.CharField(
        primary_key=True, max_length=64, help_text=_("SHA-256 of the name of what is limited.")
    )
    hits = models.PositiveIntegerField()
    window_ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key}: {self.hits}"


class IdempotencyKey(models.Model):
    """The answer to a creating request, stored so that a repetition gets the same one.

    The row is inserted in the transaction of the effect: neither exists without the other.
    """

    owner = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text=_("SHA-256 of method, path and body."))
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    sealed_body = models.BinaryField(help_text=_("Encrypted: it may hold a tracking token."))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="jobs_idempotency_key_once")
        ]
        # Purging: the answers past their retention.
        indexes = [models.Index(fields=["created_at"], name="jobs_idempotency_key_age")]

    def __str__(self) -> str:
        return f"{self.owner} {self.key}"
