"""Serializers of kept results."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.execution import job_types
from jobs.http.fields import StrictTextField
from jobs.http.queries import QuerySerializer
from jobs.models import JobResult
from jobs.results.exporting import FORMS


class JobTypeField(StrictTextField):
    """The name of a job type."""

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if job_types.find(name) is None:
            known = ", ".join(known.name for known in job_types.every())
            raise serializers.ValidationError(
                f"Unknown job type. Expected one of: {known}.", code="unknown"
            )
        return name


class JobResultSummarySerializer(serializers.ModelSerializer[JobResult]):
    """A kept result, without what was computed."""

    id = serializers.UUIDField(
        source="task_id", read_only=True, help_text="The id of the job that computed it."
    )
    url = serializers.SerializerMethodField(help_text="The path of the whole result.")

    class Meta:
        model = JobResult
        fields: tuple[str, ...] = (
            "id",
            "job_type",
            "code_version",
            "seed",
            "inputs",
            "is_partial",
            "digest",
            "created_at",
            "updated_at",
            "url",
        )
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "job_type": {"help_text": "One of `/api/v1/job-types/`."},
            "updated_at": {"help_text": "When it was last improved."},
        }

    def get_url(self, kept: JobResult) -> str:
        return reverse("job-result", args=(kept.pk,))


class JobResultSerializer(JobResultSummarySerializer):
    """A kept result."""

    result = serializers.SerializerMethodField(
        help_text="What was computed; the job type describes its fields."
    )

    class Meta(JobResultSummarySerializer.Meta):
        fields = (*JobResultSummarySerializer.Meta.fields, "result")
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_result(self, kept: JobResult) -> Any:
        job_type = job_types.find(kept.job_type)
        if job_type is None or job_type.code_version != kept.code_version:
            return kept.result  # of an older version, with fields of its own
        return job_type.result(kept.result, context=self.context).data


class JobResultFilterSerializer(QuerySerializer):
    """The query parameters of the list of kept results."""

    job_type = JobTypeField(required=False, help_text="Only results of this type.")


class ComparedWithSerializer(QuerySerializer):
    """The query parameters of a comparison."""

    with_id = serializers.UUIDField(help_text="The id of the other result, of the same job type.")


class ExportFormSerializer(QuerySerializer):
    """The query parameters of an export."""

    form = serializers.ChoiceField(list(FORMS), default="csv", help_text="The form of the file.")


class DifferenceSerializer(serializers.Serializer[Any]):
    """A value that two results do not share."""

    name = serializers.CharField(help_text="Its path, such as `repair.median_hours`.")
    first = serializers.JSONField(help_text="The value in the first result; null where absent.")
    second = serializers.JSONField(help_text="The value in the other result; null where absent.")
    difference = serializers.FloatField(
        allow_null=True, help_text="The second less the first; null unless both are numbers."
    )


class ComparisonSerializer(serializers.Serializer[Any]):
    """What differs between two kept results."""

    is_same = serializers.BooleanField(help_text="Whether inputs, code, seed and result are equal.")
    code_versions = serializers.ListField(
        child=serializers.CharField(), help_text="Of the first result and of the other."
    )
    seeds = serializers.ListField(
        child=serializers.IntegerField(allow_null=True),
        help_text="Of the first result and of the other.",
    )
    inputs = DifferenceSerializer(many=True, help_text="The inputs that differ.")
    figures = DifferenceSerializer(
        many=True, help_text="The figures that differ; of a list of objects its length."
    )
