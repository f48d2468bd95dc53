"""The REST API of jobs: start a long computation, follow it, read its result.

Everybody sees their own jobs only.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.api import starting
from jobs.api.serializers import (
    JobFilterSerializer,
    JobSerializer,
    JobSummarySerializer,
    JobTypeSerializer,
    NewJobSerializer,
    WaitSerializer,
)
from jobs.errors import NotInThatState
from jobs.execution import job_types
from jobs.execution.job_types import JobType
from jobs.http import waiting
from jobs.http.idempotency import idempotent
from jobs.models import Task, TaskQuerySet
from jobs.operations import actions
from jobs.states import State

#: When to ask again about a job that has not ended.
RETRY_AFTER_SECONDS = 2


class JobListView(ListAPIView[Task]):
    """List one's own jobs, newest first; start one."""

    permission_classes = (IsAuthenticated,)
    serializer_class = JobSummarySerializer
    ordering = ("-id",)

    def get_queryset(self) -> TaskQuerySet:
        filters = JobFilterSerializer.read(self.request)
        return Task.objects.jobs_of(self.request.user).filter(**filters)

    @extend_schema(operation_id="jobs_list", parameters=[JobFilterSerializer], tags=["jobs"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your jobs.

        Newest first; others' jobs never show.
        """
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="jobs_create",
        request=NewJobSerializer,
        responses={
            202: JobSummarySerializer,
            403: OpenApiResponse(description="You may not start jobs of this type."),
            409: OpenApiResponse(
                description="As many of your jobs are under way as the type allows."
            ),
            429: OpenApiResponse(
                description="You started as many jobs within an hour as the type allows."
            ),
        },
        tags=["jobs"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Start a job.

        It runs in the background, even if the server restarts or you leave. Ask `status_url` of
        the answer how far it is. `GET /api/v1/job-types/` lists what can be started.
        """
        new = NewJobSerializer(data=request.data, context={"request": request, "view": self})
        new.is_valid(raise_exception=True)
        job_type: JobType = new.validated_data["job_type"]
        job = starting.start(
            job_type,
            new.validated_data["payload"],
            by=cast("UUID", request.user.pk),
            is_announced=new.validated_data["notify"],
        )
        answer = JobSummarySerializer(job, context={"request": request}).data
        headers = {"Location": answer["status_url"], "Retry-After": str(RETRY_AFTER_SECONDS)}
        return Response(answer, status=202, headers=headers)


class JobView(APIView):
    """Read one job: how far it is, and its result."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="jobs_retrieve",
        parameters=[WaitSerializer],
        responses=JobSerializer,
        tags=["jobs"],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """Read a job and its result.

        `progress` says how far it is. `result` is there once it has succeeded, `problem` once it
        has failed for good (`dead`) or was cancelled. With `wait` the answer comes when the job has
        ended, or when the time is over; `Retry-After` then says when to ask again.
        """
        seconds = WaitSerializer.read(request)["wait"]
        job = _job(request, job_id)
        if seconds and not job.is_terminal:
            if waiting.answer_later(request, job_id, seconds):
                return _answer(job, request)
            job = _job(request, job_id)
        return _answer(job, request)


class JobCancelView(APIView):
    """Cancel one job."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="jobs_cancel",
        request=None,
        responses={
            200: OpenApiResponse(
                JobSerializer, description="The job was waiting; it is cancelled."
            ),
            202: OpenApiResponse(
                JobSerializer, description="The job is running and will stop soon."
            ),
            409: OpenApiResponse(description="The job has ended already."),
        },
        tags=["jobs"],
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Cancel a job.

        A job that waits is cancelled at once. One that runs stops at its next safe point; read it
        again to see its end.
        """
        job = _job(request, job_id)
        actions.cancel([job.id], by=cast("UUID", request.user.pk))
        job = _job(request, job_id)
        if job.state in {State.SUCCEEDED, State.DEAD}:
            raise NotInThatState("The job has ended already.")
        return _answer(job, request, status=200 if job.is_terminal else 202)


class JobTypeListView(APIView):
    """List the job types."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="job_types_list", responses=JobTypeSerializer(many=True), tags=["jobs"]
    )
    def get(self, request: Request) -> Response:
        """List the job types.

        Those that you may start, each with the JSON Schema of its payload and of its result, and
        how many jobs of it you may start.
        """
        offered = [known for known in job_types.every() if known.may_be_started(request, self)]
        return Response(JobTypeSerializer(offered, many=True).data)


def _job(request: Request, job_id: UUID) -> Task:
    return get_object_or_404(Task.objects.jobs_of(request.user), pk=job_id)


def _answer(job: Task, request: Request, status: int = 200) -> Response:
    headers = {} if job.is_terminal else {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Response(
        JobSerializer(job, context={"request": request}).data, status=status, headers=headers
    )
