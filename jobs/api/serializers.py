"""Serializers for the bodies and answers of the jobs API."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.schemas.openapi import AutoSchema

from jobs.execution import job_types
from jobs.execution.job_types import JobType
from jobs.http.fields import QueryIntegerField, StrictBooleanField
from jobs.http.payloads import PayloadSerializer
from jobs.http.queries import QuerySerializer
from jobs.http.waiting import WAIT_MAXIMUM_SECONDS
from jobs.models import JobResult, Task
from jobs.results.serializers import JobTypeField
from jobs.states import State

PROBLEMS = {
    State.DEAD: (
        "job-failed",
        500,
        "Job failed",
        "It could not be computed, however often it was tried.",
    ),
    State.CANCELLED: (
        "job-cancelled",
        409,
        "Job cancelled",
        "It was cancelled before it had a result.",
    ),
}
NOT_COMPUTABLE = ("job-not-computable", 422, "Job not computable")


class NewJobSerializer(PayloadSerializer):
    """A job to start: its type and its payload.

    Who may not start jobs of the type is refused before the payload is checked. Afterwards
    `validated_data["payload"]` is the JSON that the type's actor gets.
    """

    job_type = JobTypeField(help_text="One of `/api/v1/job-types/`.")
    payload = serializers.DictField(
        default=dict, help_text="What to compute; the job type describes its fields."
    )
    notify = StrictBooleanField(default=False, help_text="Send me a message when it has ended.")

    def validate_job_type(self, name: str) -> JobType:
        job_type = cast("JobType", job_types.find(name))
        if not job_type.may_be_started(self.context["request"], self.context["view"]):
            raise PermissionDenied
        return job_type

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        payload = attrs["job_type"].payload(data=attrs["payload"], context=self.context)
        if not payload.is_valid():
            raise serializers.ValidationError({"payload": payload.errors})
        return attrs | {"payload": payload.data}


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a job has come."""

    fraction = serializers.FloatField(
        min_value=0, max_value=1, help_text="The share of the work that is done, from 0 to 1."
    )
    stage = serializers.CharField(help_text="What it does now; empty where it has one stage.")
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Figures of the job type, such as rows read."
    )


class JobProblemSerializer(serializers.Serializer[Any]):
    """Why a job has no result, as an RFC 9457 problem."""

    type = serializers.CharField(help_text="The kind of problem, for programs.")
    title = serializers.CharField(help_text="The kind of problem in a few words.")
    status = serializers.IntegerField(help_text="The HTTP status of such a problem.")
    detail = serializers.CharField(help_text="What went wrong with this job.")
    instance = serializers.CharField(help_text="The path of the job.")
    request_id = serializers.CharField(
        help_text="Give it to the operator, who finds the job in the logs by it."
    )


class JobSummarySerializer(serializers.ModelSerializer[Task]):
    """A job without its progress and result."""

    state = serializers.ChoiceField(
        choices=State.choices, read_only=True, help_text="Where it is in its life."
    )
    status_url = serializers.SerializerMethodField(help_text="The path at which to follow it.")

    class Meta:
        model = Task
        fields: tuple[str, ...] = (
            "id",
            "job_type",
            "state",
            "created_at",
            "started_at",
            "finished_at",
            "status_url",
        )
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "started_at": {"help_text": "When its latest attempt started; null before the first."},
            "finished_at": {"help_text": "When it ended; null until then."},
            "max_attempts": {"help_text": "How many attempts it has before it has failed."},
            "cancel_requested_at": {"help_text": "When it was asked to stop; null if never."},
        }

    def get_status_url(self, job: Task) -> str:
        return reverse("job-detail", args=(job.pk,))


class JobSerializer(JobSummarySerializer):
    """A job with its progress, and its result or its problem."""

    attempts = serializers.IntegerField(
        source="attempt", help_text="How many attempts have started.", read_only=True
    )
    progress = serializers.SerializerMethodField(help_text="How far it has come.")
    result = serializers.SerializerMethodField(
        help_text="Null until the job has succeeded; the job type describes its fields."
    )
    kept_result_url = serializers.SerializerMethodField(
        help_text="The path of the result that is kept, perhaps the best so far; null if none is."
    )
    problem = serializers.SerializerMethodField(
        help_text="Null unless the job is dead or cancelled."
    )
    notify = serializers.BooleanField(
        source="is_completion_announced",
        read_only=True,
        help_text="Whether you get a message when it has ended.",
    )

    class Meta(JobSummarySerializer.Meta):
        fields = (
            *JobSummarySerializer.Meta.fields,
            "attempts",
            "max_attempts",
            "cancel_requested_at",
            "notify",
            "progress",
            "result",
            "kept_result_url",
            "problem",
        )
        read_only_fields = fields

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, job: Task) -> dict[str, Any]:
        counts = dict(job.progress or {})
        fraction, stage = counts.pop("fraction", 0.0), counts.pop("stage", "")
        return {
            "fraction": 1.0 if job.state == State.SUCCEEDED else fraction,
            "stage": stage,
            "counts": counts,
        }

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_result(self, job: Task) -> Any:
        job_type = job_types.find(job.job_type)
        if job.state != State.SUCCEEDED or job_type is None:
            return None
        return job_type.result(job.result, context=self.context).data

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_kept_result_url(self, job: Task) -> str | None:
        is_kept = JobResult.objects.filter(pk=job.pk).exists()
        return reverse("job-result", args=(job.pk,)) if is_kept else None

    @extend_schema_field(JobProblemSerializer(allow_null=True))
    def get_problem(self, job: Task) -> dict[str, Any] | None:
        if job.state not in PROBLEMS:
            return None
        slug, status, title, detail = PROBLEMS[State(job.state)]
        if refusal := job.refusal:
            slug, status, title, detail = (*NOT_COMPUTABLE, refusal)
        return {
            "type": f"/problems/{slug}",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": self.get_status_url(job),
            "request_id": job.request_id,
        }


class JobFilterSerializer(QuerySerializer):
    """The query parameters of the list of jobs."""

    state = serializers.ChoiceField(
        choices=State.choices, required=False, help_text="Only jobs in this state."
    )
    job_type = JobTypeField(required=False, help_text="Only jobs of this type.")


class WaitSerializer(QuerySerializer):
    """The query parameters of a job."""

    wait = QueryIntegerField(
        min_value=0,
        max_value=WAIT_MAXIMUM_SECONDS,
        default=0,
        help_text="Answer when the job has ended, at the latest after this number of seconds.",
    )


class JobLimitsSerializer(serializers.Serializer[Any]):
    """How many jobs of a type one person may start."""

    active_per_user = serializers.IntegerField(help_text="How many may wait or run at once.")
    per_hour = serializers.IntegerField(help_text="How many may be started within an hour.")


class JobTypeSerializer(serializers.Serializer[Any]):
    """A job type that the signed-in person may start."""

    job_type = serializers.CharField(source="name", help_text="The name with which to start one.")
    description = serializers.CharField(help_text="What such a job computes.")
    payload = serializers.SerializerMethodField(help_text="JSON Schema of the payload.")
    result = serializers.SerializerMethodField(help_text="JSON Schema of the result.")
    limits = JobLimitsSerializer()

    @extend_schema_field(serializers.DictField())
    def get_payload(self, job_type: JobType) -> dict[str, Any]:
        return _json_schema(job_type.payload()) | {"additionalProperties": False}

    @extend_schema_field(serializers.DictField())
    def get_result(self, job_type: JobType) -> dict[str, Any]:
        return _json_schema(job_type.result())


def _json_schema(serializer: Any) -> dict[str, Any]:
    schema: dict[str, Any] = _standard(AutoSchema().map_serializer(serializer))
    return schema


def _standard(schema: Any) -> Any:
    """Return an OpenAPI 3.0 schema as JSON Schema.

    There `null` is one of the types, where OpenAPI 3.0 has a property `nullable`.
    """
    if isinstance(schema, list):
        return [_standard(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    standard = {
        name: _standard(value)
        for name, value in schema.items()
        if not (name == "nullable" and value is True)
    }
    if len(standard) < len(schema) and "type" in standard:
        standard["type"] = [standard["type"], "null"]
    return standard
