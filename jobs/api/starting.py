"""Start a job for a person, within the limits of its type."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from jobs.errors import TooManyActiveJobs, TooManyJobs
from jobs.execution.job_types import JobType
from jobs.ledger import database
from jobs.ledger.database import lock
from jobs.models import Task, TaskQuerySet
from jobs.states import TERMINAL_STATES

HOUR = timedelta(hours=1)
ACTIVE_RETRY_SECONDS = 5


def start(
    job_type: JobType, payload: dict[str, Any], *, by: UUID, is_announced: bool = False
) -> Task:
    """Start a job of the type and return its task.

    The limits are exact: the jobs already in the ledger are counted under a lock that ends with the
    transaction.

    Args:
        payload: validated JSON, the keyword arguments of the type's actor.
        by: the id of the person.
        is_announced: whether to notify the person of the end.

    Raises:
        TooManyActiveJobs: the person has as many jobs of the type under way as it allows.
        TooManyJobs: the person started as many within an hour as it allows.
    """
    with transaction.atomic():
        _admit(job_type, by)
        message = job_type.actor.send_with_options(
            kwargs=payload,
            created_by=by,
            job_type=job_type.name,
            is_completion_announced=is_announced,
        )
        return Task.objects.get(pk=message.message_id)


def _admit(job_type: JobType, by: UUID) -> None:
    lock(f"job {job_type.name} {by}")
    own = Task.objects.filter(created_by=by, job_type=job_type.name)
    limits = job_type.limits
    if own.exclude(state__in=TERMINAL_STATES).count() >= limits.active_per_user:
        raise TooManyActiveJobs(retry_after=ACTIVE_RETRY_SECONDS)
    wait = _wait(own, limits.per_hour)
    if wait is not None:
        raise TooManyJobs(retry_after=wait)


def _wait(own: TaskQuerySet, per_hour: int) -> int | None:
    """Return the seconds until one more job may be started; None when it may start now."""
    times = (
        own.filter(created_at__gt=Now() - HOUR)
        .order_by("-created_at")
        .values_list("created_at", flat=True)
    )
    newest = list(times[:per_hour])
    if len(newest) < per_hour:
        return None
    return max(1, int((newest[-1] + HOUR - database.now()).total_seconds()) + 1)
