"""What the probe's actors did: a row an effect, so that a lost or doubled one shows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class Effect(models.Model):
    """One effect of one task."""

    objects: ClassVar[models.Manager[Effect]] = models.Manager()

    key = models.CharField(max_length=100)
    worker_pid = models.IntegerField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.key


class Call(models.Model):
    """One call of an external actor, committed at once: the ground truth at the other side."""

    objects: ClassVar[models.Manager[Call]] = models.Manager()

    key = models.CharField(max_length=100)
    task_id = models.UUIDField()

    def __str__(self) -> str:
        return self.key
