"""The REST API of reports. Who sees which report: `ReportQuerySet.visible_to`."""

from __future__ import annotations

from typing import Any, cast

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts import origins
from accounts.models import User
from jobs.http.idempotency import idempotent
from reports.intake import submission
from reports.models import Report, ReportQuerySet, Status
from reports.serializers import (
    CreatedReportSerializer,
    NewReportSerializer,
    ReportDetailSerializer,
    ReportFilterSerializer,
    ReportSerializer,
    StatusStepSerializer,
)
from reports.workflow import transitions

FILTER_PARAMETERS = [
    OpenApiParameter(
        "status", OpenApiTypes.STR, description=f"Comma-separated: {', '.join(Status.values)}."
    ),
    OpenApiParameter("category", OpenApiTypes.STR, description="The slug of a category."),
    OpenApiParameter("bbox", OpenApiTypes.STR, description="west,south,east,north in degrees."),
    OpenApiParameter(
        "mine", OpenApiTypes.BOOL, description="Only what you reported; for signed-in citizens."
    ),
]
TOKEN_PARAMETERS = [
    OpenApiParameter(
        "tracking_token", OpenApiTypes.STR, description="Of an anonymous report; also as `token`."
    ),
    OpenApiParameter(
        "X-Tracking-Token",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description="The same, unlogged.",
    ),
]


class ReportListView(ListAPIView[Report]):
    """The public reports, newest first; posting adds one."""

    permission_classes = (AllowAny,)
    serializer_class = ReportSerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> ReportQuerySet:
        filters = ReportFilterSerializer(
            data={name: value for name, value in self.request.query_params.items() if value}
        )
        filters.is_valid(raise_exception=True)
        wanted = filters.validated_data
        reports = self._readable(mine=wanted["mine"]).with_related()
        if "status" in wanted:
            reports = reports.filter(status__in=wanted["status"])
        if "category" in wanted:
            reports = reports.filter(category=wanted["category"])
        if "bbox" in wanted:
            reports = reports.in_box(wanted["bbox"])
        return reports.order_by(*self.ordering)

    def _readable(self, *, mine: bool) -> ReportQuerySet:
        user = self.request.user
        if not mine:
            return Report.objects.visible_to(user) if user.is_staff else Report.objects.published()
        if not isinstance(user, User):
            raise NotAuthenticated("Sign in to list your own reports.")
        return Report.objects.filter(reporter=user)

    @extend_schema(operation_id="reports_list", parameters=FILTER_PARAMETERS, tags=["reports"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the public reports, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="reports_create",
        request=NewReportSerializer,
        responses={201: CreatedReportSerializer},
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Report a problem, signed in or anonymously.

        It is stored at once; its category, department and deadline follow within seconds. An
        anonymous reporter gets a `tracking_token`, once: with it the report can be read before
        staff has accepted it.

        Too many reports by one person or about one place answer 429, one in words sent before 409,
        both with `Retry-After`. What is refused, and a request repeated with its Idempotency-Key,
        does not count.
        """
        serializer = NewReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        reporter = request.user if isinstance(request.user, User) else None
        submitted = submission.submit_report(
            serializer.save(), reporter=reporter, host=origins.of_request(request).host
        )
        context = {"request": request, "tracking_token": submitted.tracking_token}
        answer = CreatedReportSerializer(submitted.report, context=context)
        return Response(
            answer.data,
            status=201,
            headers={"Location": f"{request.path.rstrip('/')}/{submitted.report.pk}/"},
        )


class ReportDetailView(RetrieveAPIView[Report]):
    """One report with its history."""

    permission_classes = (AllowAny,)
    serializer_class = ReportDetailSerializer

    def get_queryset(self) -> ReportQuerySet:
        reports = Report.objects.visible_to(
            self.request.user, tracking_token=tracking_token_of(self.request)
        )
        return reports.with_related().prefetch_related("history")

    def get_serializer_context(self) -> dict[str, Any]:
        return super().get_serializer_context() | {
            "tracking_token": tracking_token_of(self.request)
        }

    @extend_schema(operation_id="reports_retrieve", parameters=TOKEN_PARAMETERS, tags=["reports"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Read one report with its history.

        An anonymous report answers 404 until staff has accepted it, except to the holder of its
        token.
        """
        return super().get(request, *args, **kwargs)


class ReportStatusView(GenericAPIView[Any]):
    """The next step of a report, by staff of its department."""

    permission_classes = (IsAuthenticated,)
    serializer_class = StatusStepSerializer

    @extend_schema(
        operation_id="reports_status",
        responses={200: ReportDetailSerializer},
        tags=["reports"],
        methods=["POST"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Move a report on, as staff of its department. The reporter is notified.

        A step that the workflow does not have, or one that somebody else was faster to take,
        answers 409.
        """
        user = cast("User", request.user)
        report = get_object_or_404(Report.objects.visible_to(user), pk=pk)
        if not report.may_be_changed_by(user):
            raise PermissionDenied("Only staff of the report's department may change it.")
        step = self.get_serializer(data=request.data)
        step.is_valid(raise_exception=True)
        transitions.change_status(
            report, to=step.validated_data["status"], by=user, note=step.validated_data["note"]
        )
        return Response(self._detail(report).data)

    def _detail(self, report: Report) -> BaseSerializer[Report]:
        fresh = Report.objects.with_related().prefetch_related("history").get(pk=report.pk)
        return ReportDetailSerializer(fresh, context=self.get_serializer_context())


def tracking_token_of(request: Request) -> str:
    """The token of an anonymous report as the header or the query shows it; the header stays out of
    access logs.
    """
    shown = request.query_params
    return (
        request.headers.get("X-Tracking-Token")
        or shown.get("tracking_token")
        or shown.get("token", "")
    )
