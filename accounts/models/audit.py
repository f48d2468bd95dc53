"""The tables of the audit log: events, the seals over them, and keys of persons."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class AuditEvent(models.Model):
    """One event. A trigger refuses UPDATE, DELETE and TRUNCATE.

    `data` holds ids and plain facts; personal values are encrypted under the person's own key
    (`accounts.person_keys`). `actor_id` is no foreign key, so that a row outlives the person.
    """

    id = models.BigAutoField(primary_key=True)
    event = models.CharField(max_length=80)
    actor_id = models.UUIDField(null=True)
    subject = models.CharField(
        max_length=120, help_text=_("Kind and id of what it happened to, such as report:<id>.")
    )
    data = models.JSONField(default=dict)
    ip_address = models.GenericIPAddressField("IP address", null=True)
    user_agent = models.CharField(max_length=200, blank=True, default="", db_default="")
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(
        db_default=Now(), help_text=_("By PostgreSQL's clock: a trigger stamps it.")
    )

    class Meta:
        indexes = [
            # All that happened to one thing; all that one person did.
            models.Index(fields=["subject", "id"], name="accounts_audit_subject"),
            models.Index(fields=["actor_id", "id"], name="accounts_audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.subject}"


class AuditSeal(models.Model):
    """One link of the chain over the audit log: see `accounts.audit_chain`. A trigger refuses every
    change.

    Its events are in the order of their ids; `digests` has 32 bytes for each.
    """

    sequence = models.BigIntegerField(
        primary_key=True, help_text=_("1, 2, 3 and so on, without a gap.")
    )
    event_ids = ArrayField(models.BigIntegerField())
    digests = models.BinaryField()
    first_event_id = models.BigIntegerField()
    last_event_id = models.BigIntegerField()
    previous_hash = models.BinaryField(max_length=32, unique=True)
    hash = models.BinaryField(max_length=32, unique=True)
    sealed_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Which of the latest events are sealed already.
            models.Index(fields=["last_event_id"], name="accounts_seal_last_event"),
        ]

    def __str__(self) -> str:
        return f"seal {self.sequence}"


class PersonKey(models.Model):
    """The key that encrypts one person's values in records that cannot be changed."""

    user_id = models.UUIDField(primary_key=True)
    sealed_key = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"key of {self.user_id}"
