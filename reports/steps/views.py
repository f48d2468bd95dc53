"""The REST API of steps: those that the caller may take, taking one, many at once, and undoing."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from jobs.http.idempotency import idempotent
from reports.models import Report, StatusChange
from reports.serializers import ReportDetailSerializer
from reports.steps import bulk, taking
from reports.steps.serializers import (
    AvailableStepsSerializer,
    BulkResultsSerializer,
    BulkStepSerializer,
    TakenStepSerializer,
    UndoSerializer,
)
from reports.tracking import TOKEN_PARAMETERS, tracking_token_of
from reports.workflow import assigning, checking, etags, handing, undoing
from reports.workflow.roles import roles_in
from reports.workflow.table import STAFF

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` of the report as you read it; if it has changed since, you get 412.",
)
CHANGED = OpenApiResponse(
    description="The report has changed since the `ETag` of `If-Match`; `changes` says what."
)
REFUSED = OpenApiResponse(
    description="The step is not possible now, or somebody else has changed the report meanwhile."
)


class ReportStepsView(GenericAPIView[Any]):
    """The steps of the workflow with one report."""

    permission_classes = (AllowAny,)
    serializer_class = TakenStepSerializer

    @extend_schema(
        operation_id="reports_steps",
        parameters=TOKEN_PARAMETERS,
        responses=AvailableStepsSerializer,
        tags=["reports"],
    )
    def get(self, request: Request, pk: str) -> Response:
        """List the steps that you may take with a report now.

        Each says what it needs. Staff also get the people and crews to whom the report can be
        assigned.
        """
        report, roles = readable(request, pk)
        is_staff = bool(roles & STAFF)
        shown = {
            "status": report.status,
            "version": report.version,
            "steps": [
                {"step": step, "status": step.leads_to(report.status)}
                for step in checking.available(report, roles)
            ],
            "undo": _undoable(request, report, roles),
            "people": assigning.people_for(report) if is_staff else (),
            "crews": assigning.crews_for(report) if is_staff else (),
        }
        return Response(AvailableStepsSerializer(shown).data)

    @extend_schema(
        operation_id="reports_take_step",
        parameters=[*TOKEN_PARAMETERS, IF_MATCH],
        responses={
            200: ReportDetailSerializer,
            403: OpenApiResponse(description="You may not take this step."),
            409: REFUSED,
            412: CHANGED,
        },
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Take a step with a report.

        Staff of its department work on it; its reporter confirms or denies the repair, or withdraws
        the report while nobody works on it. Which steps there are, and what each needs, says `GET`.
        """
        report, roles = readable(request, pk)
        if not roles:
            _refuse(request)
        body = TakenStepSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        by = request.user if isinstance(request.user, User) else None
        versions = etags.expected_versions(request)
        taking.take(report, body.step_by(by), roles=roles, versions=versions)
        return detail_response(request, report)


class UndoStepView(GenericAPIView[Any]):
    """Undoing the last step with a report."""

    permission_classes = (IsAuthenticated,)
    serializer_class = UndoSerializer

    @extend_schema(
        operation_id="reports_undo_step",
        parameters=[IF_MATCH],
        responses={
            200: ReportDetailSerializer,
            403: OpenApiResponse(description="You are not on the staff of its department."),
            409: OpenApiResponse(description="The last step cannot be undone any more."),
            412: CHANGED,
        },
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Undo the last step with a report, as staff of its department.

        Possible within minutes (`STEP_UNDO_MINUTES`) and until the message about it has left
        (`STEP_MESSAGE_GRACE_SECONDS`): your own step, or as a manager any. The history keeps both.
        """
        report, roles = readable(request, pk)
        if not roles & STAFF:
            raise PermissionDenied("Only staff of the report's department may undo its steps.")
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        undoing.undo(
            report,
            by=cast("User", request.user),
            roles=roles,
            note=body.validated_data["note"],
            versions=etags.expected_versions(request),
        )
        return detail_response(request, report)


class BulkStepsView(GenericAPIView[Any]):
    """One step with many reports."""

    permission_classes = (IsAuthenticated,)
    serializer_class = BulkStepSerializer

    @extend_schema(
        operation_id="reports_bulk_steps",
        responses={
            200: BulkResultsSerializer,
            403: OpenApiResponse(description="You are not on the staff."),
        },
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Take the same step with up to 100 reports, as staff of their departments.

        Each report is a case of its own: what is refused changes nothing and says why, the others
        go on. Send `version` with a report to leave it alone if it has changed since you read it.
        """
        user = cast("User", request.user)
        if not user.is_staff:
            raise PermissionDenied("Only staff takes steps with many reports.")
        body = BulkStepSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        results = bulk.take_each(body.targets(), body.step_by(user))
        return Response(BulkResultsSerializer({"results": results}).data)


def _undoable(request: Request, report: Report, roles: frozenset[str]) -> StatusChange | None:
    if not roles & STAFF:
        return None
    return undoing.undoable(report, by=cast("User", request.user), roles=roles)


def readable(request: Request, pk: str) -> tuple[Report, frozenset[str]]:
    """Return a report that the caller may read, and the roles they have in it.

    Raises:
        PermissionDenied: their department has handed it over; the message says to whom and why.
        Http404: there is no such report, or they may not read it.
    """
    token = tracking_token_of(request)
    reports = Report.objects.visible_to(request.user, tracking_token=token).with_related()
    report = reports.filter(pk=pk).first()
    if report is None:
        refuse_unreadable(request, pk)
        raise Http404
    return report, roles_in(report, request.user, tracking_token=token)


def refuse_unreadable(request: Request, pk: str) -> None:
    """Tell staff that a report which they cannot read was once theirs.

    Raises:
        PermissionDenied: their department has handed it over.
    """
    line = handing.handed_over(UUID(str(pk)), request.user)
    if line is not None:
        raise PermissionDenied(handing.sentence(line))


def detail_response(request: Request, report: Report) -> Response:
    """Return the report as it is now, with its entity tag."""
    fresh = Report.objects.for_detail().get(pk=report.pk)
    context = {"request": request, "tracking_token": tracking_token_of(request)}
    return etags.tagged(request, fresh, ReportDetailSerializer(fresh, context=context).data)


def _refuse(request: Request) -> None:
    if not isinstance(request.user, User):
        raise NotAuthenticated("Sign in, or send the tracking token, to take a step.")
    raise PermissionDenied(
        "Only its reporter and staff of its department take steps with a report."
    )
