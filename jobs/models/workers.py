"""Tables of the processes of an installation, and of the duties that workers share."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7


class Worker(models.Model):
    """One worker process and its heartbeat."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hostname = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    queues = models.JSONField(default=list)
    threads = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    heartbeat_at = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True)
    memory_bytes = models.PositiveBigIntegerField(
        null=True, help_text=_("Resident memory at the last heartbeat.")
    )

    class Meta:
        ordering = ["-heartbeat_at"]

    def __str__(self) -> str:
        return f"{self.hostname}:{self.pid}"


class WebProcess(models.Model):
    """One web process, and the memory it held when it last said so."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hostname = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField(help_text=_("Resident memory."))
    reported_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.hostname}:{self.pid}"


class ScheduleTick(models.Model):
    """One due time of one entry of the schedule; its uniqueness keeps it from being sent twice."""

    name = models.CharField(max_length=120)
    due_at = models.DateTimeField()
    task_id = models.UUIDField(null=True, help_text=_("Empty where a missed tick was skipped."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "due_at"], name="jobs_schedule_tick_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.due_at:%Y-%m-%d %H:%M}"


class Mark(models.Model):
    """The time up to which a recurring duty is done; the process that locks the row performs it."""

    name = models.CharField(primary_key=True, max_length=60)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M:%S}"
