"""Delete kept results past their retention."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from jobs.models import JobResult

#: A result may have many rows of its job type, which are deleted with it.
BATCH_RESULTS = 100


def prune() -> int:
    """Delete a batch of results past JOB_RESULTS_RETENTION_DAYS; return how many."""
    age = timedelta(days=settings.JOB_RESULTS_RETENTION_DAYS)
    old = JobResult.objects.filter(updated_at__lt=Now() - age).order_by("updated_at")
    ids = list(old.values_list("pk", flat=True)[:BATCH_RESULTS])
    JobResult.objects.filter(pk__in=ids).delete()
    return len(ids)
