"""Table of kept results of jobs."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class JobResult(models.Model):
    """The kept result of one run of a job type, with all that it was computed from.

    It outlives its task, so that runs can be compared later. `jobs.results.keeping` writes it.
    """

    task_id = models.UUIDField(primary_key=True, help_text=_("The task that computed it."))
    job_type = models.CharField(max_length=60)
    inputs = models.JSONField(help_text=_("What was to be computed, with all defaults filled in."))
    code_version = models.CharField(
        max_length=40, help_text=_("The version of the computation; see `jobs.job_type`.")
    )
    seed = models.BigIntegerField(null=True, help_text=_("Of its random numbers, if it uses any."))
    result = models.JSONField(help_text=_("As the result serializer of the job type has it."))
    is_partial = models.BooleanField(
        help_text=_("The best so far, of a run that has not ended or was cancelled.")
    )
    digest = models.CharField(
        max_length=64,
        help_text=_(
            "SHA-256 of the job type, the code version, the inputs, the seed and the result."
        ),
    )
    created_by = models.UUIDField(
        null=True, help_text=_("Who started the run; empty for a schedule.")
    )
    created_at = models.DateTimeField(help_text=_("When the run was asked for."))
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            # The results of a type, newest first.
            models.Index(fields=["job_type", "-created_at"], name="jobs_result_type"),
            # A person's own results.
            models.Index(fields=["created_by", "-created_at"], name="jobs_result_own"),
            # Pruning.
            models.Index(fields=["updated_at"], name="jobs_result_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.job_type} {self.task_id}"
