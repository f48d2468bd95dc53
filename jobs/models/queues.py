"""Tables of queues, of outside services that fail, and of messages that are no task."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jobs.model_fields import LineField


class Queue(models.Model):
    """An operator's settings for one queue: paused, or a rate. Most queues have no row."""

    name = models.CharField(primary_key=True, max_length=60)
    paused_at = models.DateTimeField(null=True, blank=True)
    rate_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many tasks may start in a minute."),
    )
    next_start_at = models.DateTimeField(
        null=True, editable=False, help_text=_("When the rate lets the next task start.")
    )
    note = LineField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


class Breaker(models.Model):
    """The circuit breaker of an outside service; written only by `jobs.execution.breakers`."""

    name = models.CharField(primary_key=True, max_length=60)
    failures = models.PositiveIntegerField(
        default=0, help_text=_("How many calls have failed in a row.")
    )
    opened_at = models.DateTimeField(null=True, help_text=_("Empty while the breaker is closed."))
    probe_at = models.DateTimeField(null=True, help_text=_("When one call may try again."))
    wait_seconds = models.FloatField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class UndecodableMessage(models.Model):
    """A message found in RabbitMQ that is no task, kept for an operator to look at."""

    queue = models.CharField(max_length=60)
    body = models.BinaryField()
    error = models.TextField()
    received_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.queue} {self.received_at:%Y-%m-%d %H:%M:%S}"
