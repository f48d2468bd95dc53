"""The REST API of requests for help."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from jobs.http.idempotency import idempotent
from reports.helping import asking, ending
from reports.helping.serializers import (
    HelpDoneSerializer,
    HelpRequestSerializer,
    HelpWishSerializer,
)
from reports.models import PatternFinding, Report
from reports.tracking import TOKEN_PARAMETERS, tracking_token_of

NOT_YOURS = OpenApiResponse(description="You are not on the staff of its department.")
NOT_ASKED = OpenApiResponse(description="Neighbours are not asked about this report.")


class HelpRequestListView(GenericAPIView[Any]):
    """The requests for help about one report."""

    serializer_class = HelpWishSerializer
    pagination_class = None

    def get_permissions(self) -> list[Any]:
        return [IsAuthenticated() if self.request.method == "POST" else AllowAny()]

    @extend_schema(
        operation_id="reports_help_requests",
        parameters=TOKEN_PARAMETERS,
        responses=HelpRequestSerializer(many=True),
        tags=["reports"],
    )
    def get(self, request: Request, pk: str) -> Response:
        """List whether neighbours are, or were, asked to mend the problem of a report.

        Newest first. While `state` is `open`, one can apply for the opportunity.
        """
        token = tracking_token_of(request)
        readable = Report.objects.visible_to(request.user, tracking_token=token)
        report = get_object_or_404(readable, pk=pk)
        return Response(HelpRequestSerializer(report.help_requests.all(), many=True).data)

    @extend_schema(
        operation_id="reports_ask_for_help",
        responses={
            201: HelpRequestSerializer,
            403: NOT_YOURS,
            409: OpenApiResponse(
                description="It is not open or not public, or neighbours are asked already."
            ),
        },
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Ask neighbours to mend the problem of a report, as staff of its department.

        It becomes an opportunity of volunteering at the place of the report, which is matched with
        citizens near by. Once it is marked as done, the report is resolved.
        """
        report = _report_of_staff(request, pk)
        body = HelpWishSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        requested = asking.ask(report, body.wish, by=cast("User", request.user))
        return Response(HelpRequestSerializer(requested).data, status=201)


class CompleteHelpView(GenericAPIView[Any]):
    """That neighbours have mended the problem of a report."""

    permission_classes = (IsAuthenticated,)
    serializer_class = HelpDoneSerializer

    @extend_schema(
        operation_id="reports_complete_help",
        responses={200: HelpRequestSerializer(many=True), 403: NOT_YOURS, 409: NOT_ASKED},
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Note that neighbours have mended it, as staff of the report's department.

        The opportunity ends, and the report is resolved: its reporter is asked whether it is
        repaired. Other reports of the same opportunity are resolved too.
        """
        report = _report_of_staff(request, pk)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        ending.complete(report, by=cast("User", request.user), note=body.validated_data["note"])
        return Response(HelpRequestSerializer(report.help_requests.all(), many=True).data)


class WithdrawHelpView(APIView):
    """That neighbours are asked no more to mend the problem of a report."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="reports_withdraw_help",
        request=None,
        responses={200: HelpRequestSerializer(many=True), 403: NOT_YOURS, 409: NOT_ASKED},
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Ask neighbours no more, as staff of the report's department.

        The opportunity is withdrawn, also for other reports that share it.
        """
        report = _report_of_staff(request, pk)
        ending.withdraw(report, by=cast("User", request.user))
        return Response(HelpRequestSerializer(report.help_requests.all(), many=True).data)


class PatternHelpView(GenericAPIView[PatternFinding]):
    """Requests for help about the place of a pattern."""

    permission_classes = (IsAuthenticated,)
    serializer_class = HelpWishSerializer

    def get_queryset(self) -> QuerySet[PatternFinding]:
        return PatternFinding.objects.select_related("category")

    @extend_schema(
        operation_id="patterns_ask_for_help",
        responses={
            201: HelpRequestSerializer(many=True),
            403: OpenApiResponse(description="You are not staff."),
            409: OpenApiResponse(
                description="It has no place, or no open report of your departments."
            ),
        },
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Ask neighbours to help at the place of a pattern, as staff.

        `id` is that of the finding in the export of a `reports.patterns` job. One opportunity is
        for those of its open reports on which you work.
        """
        if not cast("User", request.user).is_staff:
            raise PermissionDenied("Only staff may ask neighbours to help.")
        finding = get_object_or_404(self.get_queryset(), pk=pk)
        body = HelpWishSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        requested = asking.ask_about(finding, body.wish, by=cast("User", request.user))
        return Response(HelpRequestSerializer(requested, many=True).data, status=201)


def _report_of_staff(request: Request, pk: str) -> Report:
    """Return a report in whose department the caller works.

    Raises:
        Http404: there is no such report, or the caller may not read it.
        PermissionDenied: they do not work in its department.
    """
    user = cast("User", request.user)
    report = get_object_or_404(Report.objects.visible_to(user), pk=pk)
    if not report.may_be_changed_by(user):
        raise PermissionDenied("Only staff of the report's department may ask neighbours to help.")
    return report
