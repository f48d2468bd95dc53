"""Notify the owner of a job that it has ended.

The database itself sends `announce_completion` in the statement that ends such a job (migration
`completion`): by success, death, cancelling, rescue or anything else. So no code path can forget
it, and none does it twice.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from jobs.models import Task


class CompletionAnnouncer(Protocol):
    """A function that notifies people; JOBS_COMPLETION_ANNOUNCER names one.

    It is called in a transaction, once for each end of a job.
    """

    def __call__(self, job_id: UUID, *, job_type: str, state: str, user_id: UUID) -> object: ...


def announce(job_id: str, state: str) -> None:
    """Notify the owner of the job that it ended in `state`, with JOBS_COMPLETION_ANNOUNCER."""
    job = Task.objects.filter(pk=job_id).first()
    if job is None or job.created_by is None or not settings.JOBS_COMPLETION_ANNOUNCER:
        return
    announcer: CompletionAnnouncer = import_string(settings.JOBS_COMPLETION_ANNOUNCER)
    announcer(job.id, job_type=job.job_type, state=state, user_id=job.created_by)
