"""The REST API of kept results."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.execution import job_types
from jobs.models import JobResult
from jobs.results.comparing import compare
from jobs.results.exporting import export
from jobs.results.reading import results_for
from jobs.results.serializers import (
    ComparedWithSerializer,
    ComparisonSerializer,
    ExportFormSerializer,
    JobResultFilterSerializer,
    JobResultSerializer,
    JobResultSummarySerializer,
)


class JobResultListView(ListAPIView[JobResult]):
    """List the kept results."""

    permission_classes = (IsAuthenticated,)
    serializer_class = JobResultSummarySerializer
    ordering = ("-created_at", "-task_id")

    def get_queryset(self) -> QuerySet[JobResult]:
        filters = JobResultFilterSerializer.read(self.request)
        return results_for(self.request, self).filter(**filters).defer("result")

    @extend_schema(
        operation_id="job_results_list", parameters=[JobResultFilterSerializer], tags=["jobs"]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List kept results.

        Newest first: your own, and those that a job type shares with you.
        """
        return super().get(request, *args, **kwargs)


class JobResultView(APIView):
    """Read one kept result."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="job_results_retrieve", responses=JobResultSerializer, tags=["jobs"]
    )
    def get(self, request: Request, result_id: UUID) -> Response:
        """Read a kept result.

        It has the id of its job and outlives it. `is_partial` says that it is the best so far, of a
        job that goes on or was cancelled.
        """
        kept = _result(request, self, result_id)
        return Response(JobResultSerializer(kept, context={"request": request}).data)


class JobResultComparisonView(APIView):
    """Compare two kept results."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="job_results_compare",
        parameters=[ComparedWithSerializer],
        responses=ComparisonSerializer,
        tags=["jobs"],
    )
    def get(self, request: Request, result_id: UUID) -> Response:
        """Compare two kept results.

        Both must be of one job type. The answer names the inputs and the figures that differ.
        """
        first = _result(request, self, result_id)
        second = _result(request, self, ComparedWithSerializer.read(request)["with_id"])
        if first.job_type != second.job_type:
            raise ValidationError(
                {"with_id": f"It is of the type {second.job_type}, not {first.job_type}."}
            )
        return Response(ComparisonSerializer(compare(first, second)).data)


class JobResultExportView(APIView):
    """Export one kept result."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="job_results_export",
        parameters=[ExportFormSerializer],
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="The rows."),
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "application/geo+json"): OpenApiTypes.OBJECT,
        },
        tags=["jobs"],
    )
    def get(self, request: Request, result_id: UUID) -> HttpResponse:
        """Export a kept result.

        As a file of rows: CSV, JSON, or GeoJSON, where rows have a place.
        """
        kept = _result(request, self, result_id)
        form = ExportFormSerializer.read(request)["form"]
        text, media_type = export(kept, job_types.find(kept.job_type), form)
        name = f"{kept.job_type}-{kept.created_at:%Y%m%d-%H%M}.{form}"
        return HttpResponse(
            text,
            content_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _result(request: Request, view: APIView, result_id: UUID) -> JobResult:
    return get_object_or_404(results_for(request, view), pk=result_id)
