"""Tables of the operators' figures and alerts."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7


class TaskRollup(models.Model):
    """A summary of the tasks of one actor and queue that ended in one span of time.

    Written only by `jobs.operations.rollup`. A row covers a minute, ten minutes or an hour from
    `bucket_at`; with `seconds` 0 it covers everything since the installation and only grows. The
    counts are histograms over `jobs.operations.rollup.BOUNDS`; the last class counts what took
    longer.
    """

    seconds = models.PositiveIntegerField()
    bucket_at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    queue = models.CharField(max_length=60)
    succeeded = models.PositiveBigIntegerField()
    failed = models.PositiveBigIntegerField(
        help_text=_("Failed attempts; a task may have several.")
    )
    dead = models.PositiveBigIntegerField()
    cancelled = models.PositiveBigIntegerField()
    wait_counts = ArrayField(
        models.PositiveBigIntegerField(),
        help_text=_("Ended tasks by their time from being due to the start."),
    )
    wait_seconds = models.FloatField()
    run_counts = ArrayField(
        models.PositiveBigIntegerField(), help_text=_("Attempts by their time from start to end.")
    )
    run_seconds = models.FloatField()

    class Meta:
        constraints = [
            # Also serves the reading of one span over a period.
            models.UniqueConstraint(
                fields=["seconds", "bucket_at", "actor", "queue"], name="jobs_rollup_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.bucket_at:%Y-%m-%d %H:%M} +{self.seconds} s"


class Dashboard(TaskRollup):
    """The operators' dashboard, which this model gives a place and a permission in the admin."""

    class Meta:
        proxy = True
        verbose_name_plural = "dashboard"
        default_permissions = ("view",)


class AlertEpisode(models.Model):
    """A time in which a rule of JOBS_ALERT_RULES was broken.

    Operators are notified of its beginning and of its end.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule = models.CharField(max_length=60)
    threshold = models.FloatField()
    value = models.FloatField(help_text=_("The value measured when the episode began."))
    started_at = models.DateTimeField(db_default=Now())
    calm_since = models.DateTimeField(
        null=True, help_text=_("Since when the rule is kept again; the episode ends if that lasts.")
    )
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            # One episode of a rule at a time, so that operators are notified once.
            models.UniqueConstraint(
                fields=["rule"],
                condition=models.Q(ended_at__isnull=True),
                name="jobs_alert_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule} since {self.started_at:%Y-%m-%d %H:%M}"
