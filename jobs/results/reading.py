"""Which kept results a person may read."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.views import APIView

from jobs.execution import job_types
from jobs.execution.job_types import JobType
from jobs.models import JobResult
from jobs.results.sharing import NONE


def results_for(request: Request, view: APIView) -> QuerySet[JobResult]:
    """Return the results the person who asks may read, newest first.

    Of the job types they may start: their own results, and those that the type shares with them. A
    superuser of the staff reads all.
    """
    results = JobResult.objects.order_by("-created_at", "-task_id")
    if request.user.is_staff and getattr(request.user, "is_superuser", False):
        return results
    readable = NONE
    for job_type in job_types.every():
        if job_type.may_be_started(request, view):
            readable |= Q(job_type=job_type.name) & _readable(job_type, request)
    return results.filter(readable)


def _readable(job_type: JobType, request: Request) -> Q:
    own = Q(created_by=request.user.pk)
    return own | job_type.shared_with(request.user) if job_type.shared_with else own
