"""The REST API of reports. Who sees which report: `ReportQuerySet.visible_to`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.http import Http404
from django.utils.translation import get_language_from_request
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts import origins
from accounts.models import User
from jobs.http.idempotency import idempotent
from jobs.http.kept import Kept
from jobs.http.throttling import LimitThrottle
from reports import filters, searching
from reports.following import contacts
from reports.intake import correcting, submission
from reports.intake.serializers import CorrectionSerializer, NewReportSerializer
from reports.models import Report, ReportQuerySet, Role
from reports.serializers import CreatedReportSerializer, ReportDetailSerializer, ReportSerializer
from reports.steps import taking
from reports.steps.serializers import StatusStepSerializer
from reports.steps.taking import Step
from reports.steps.views import (
    CHANGED,
    IF_MATCH,
    detail_response,
    readable,
    refuse_unreadable,
)
from reports.tracking import TOKEN_PARAMETERS, tracking_token_of
from reports.workflow import etags
from reports.workflow.performing import Inputs
from reports.workflow.roles import strongest
from reports.workflow.table import REPORTER, STAFF

YES, NO = ("true", "yes", "1"), ("false", "no", "0")
ACKNOWLEDGEMENT = OpenApiParameter(
    "X-Acknowledge-Duplicate",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    enum=[*YES, *NO],
    description="`true`: store the report although one like it is open near by.",
)

_NEW_REPORTS, _CREATED_REPORTS = Kept(NewReportSerializer), Kept(CreatedReportSerializer)


class ReportListView(ListAPIView[Report]):
    """List the public reports, newest first; create one."""

    permission_classes = (AllowAny,)
    serializer_class = ReportSerializer
    ordering: tuple[str, ...] = ("-created_at", "-id")

    def get_queryset(self) -> ReportQuerySet:
        chosen = filters.chosen(self.request)
        self.ordering = chosen.ordering
        return chosen.reports.with_related().with_photos().order_by(*self.ordering)

    def first_rows(
        self, reports: ReportQuerySet, count: int, begins: tuple[Any, ...] | None
    ) -> list[Report]:
        """Return the first of these reports; `begins` are time and id before which they begin.

        Of a search within a box PostgreSQL reads no more than the box.
        """
        query = self.request.query_params
        if "q" not in query or "bbox" in query:
            return list(reports[:count])
        return searching.page(reports, slice(0, count), begins_at=begins[0] if begins else None)

    @extend_schema(operation_id="reports_list", parameters=filters.PARAMETERS, tags=["reports"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the public reports.

        Newest first, unless `ordering` says otherwise. Anonymous reports show once staff has
        accepted them. With `mine` the list holds your own reports instead, whatever their status.
        """
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="reports_create",
        request=NewReportSerializer,
        parameters=[ACKNOWLEDGEMENT],
        responses={
            200: CreatedReportSerializer,
            201: CreatedReportSerializer,
            409: OpenApiResponse(
                description="You sent a report in these words before; or an open report near by is"
                " probably about the same problem, see `candidates`."
            ),
            429: OpenApiResponse(
                description=(
                    "Too many reports by you or about this place; wait for `Retry-After` seconds."
                )
            ),
        },
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Report a problem.

        Signed in or anonymously. The report is stored at once; its category, department and
        deadline are filled in within seconds.

        An anonymous reporter gets a `tracking_token` in this answer only: with it the report can be
        read before staff has accepted it. Refused reports do not count towards the limits.

        A report that probably repeats an open public one near by answers 409 with `candidates`.
        If it is another problem, send it again with `X-Acknowledge-Duplicate: true`.

        With a `client_id` that you sent before, nothing is stored and the answer is 200 with the
        report that is there.
        """
        language = get_language_from_request(request)
        serializer = _NEW_REPORTS.validated(request.data, {"locale": language})
        reporter = request.user if isinstance(request.user, User) else None
        is_acknowledged = acknowledges(request)
        new = serializer.new_report()
        submitted = submission.submit_report(
            new,
            reporter=reporter,
            host=origins.of_request(request).host,
            stops_duplicates=settings.DUPLICATE_CHECK_ENABLED and not is_acknowledged,
        )
        context = {
            "request": request,
            "tracking_token": submitted.tracking_token,
            "arrival": submitted.arrival,
            "has_answers": bool(new.answers),
            "reasons": submitted.reasons,
        }
        return Response(
            _CREATED_REPORTS.shown(submitted.report, context),
            status=200 if submitted.is_repeated else 201,
            headers={"Location": f"{request.path.rstrip('/')}/{submitted.report.pk}/"},
        )


class CorrectionThrottle(LimitThrottle):
    """So many corrections by one person or address within an hour."""

    limit, period = 30, timedelta(hours=1)

    def key(self, request: Request, view: APIView) -> str | None:
        user = request.user
        who = user.pk if isinstance(user, User) else origins.of_request(request).host
        return f"reports:correct:{who}"


class ReportDetailView(RetrieveAPIView[Report]):
    """One report with its history; its reporter corrects it."""

    permission_classes = (AllowAny,)
    serializer_class = ReportDetailSerializer

    def get_throttles(self) -> list[BaseThrottle]:
        return [CorrectionThrottle()] if self.request.method == "PATCH" else []

    def get_queryset(self) -> ReportQuerySet:
        reports = Report.objects.visible_to(
            self.request.user, tracking_token=tracking_token_of(self.request)
        )
        return reports.for_detail()

    def get_serializer_context(self) -> dict[str, Any]:
        return super().get_serializer_context() | {
            "tracking_token": tracking_token_of(self.request)
        }

    @extend_schema(operation_id="reports_retrieve", parameters=TOKEN_PARAMETERS, tags=["reports"])
    def get(self, request: Request, pk: str) -> Response:
        """Read a report.

        With the history of its status. An anonymous report answers 404 until staff has accepted it,
        unless its tracking token is sent along. Send the `ETag` back as `If-None-Match` to get 304
        while nothing has changed, and as `If-Match` with a change.
        """
        report = self.get_queryset().filter(pk=pk).first()
        if report is None:
            refuse_unreadable(request, pk)
            raise Http404
        return etags.tagged(request, report, self.get_serializer(report).data)

    @extend_schema(
        operation_id="reports_correct",
        request=CorrectionSerializer,
        parameters=[*TOKEN_PARAMETERS, IF_MATCH],
        responses={
            200: ReportDetailSerializer,
            403: OpenApiResponse(description="You did not write this report."),
            409: OpenApiResponse(
                description="Somebody works on the report already, or its work has ended."
            ),
            412: CHANGED,
        },
        tags=["reports"],
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Correct your own report, while nobody works on it.

        The history says what was corrected. New words may have to wait for moderation, and the
        report is classified and routed anew.
        """
        report, roles = readable(request, pk)
        if Role.REPORTER not in roles:
            raise PermissionDenied("Only whoever wrote the report may correct it.")
        body = CorrectionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        by = request.user if isinstance(request.user, User) else None
        versions = etags.expected_versions(request)
        correcting.correct(report, body.validated_data, by=by, versions=versions)
        return detail_response(request, report)


class ReportContactView(GenericAPIView[Any]):
    """The contact details that an anonymous reporter left with a report."""

    permission_classes = (AllowAny,)
    serializer_class = serializers.Serializer

    @extend_schema(
        operation_id="reports_contact_delete",
        parameters=TOKEN_PARAMETERS,
        responses={
            204: OpenApiResponse(description="There are none any more."),
            403: OpenApiResponse(
                description="You neither wrote this report nor are on the staff of its department."
            ),
        },
        tags=["reports"],
    )
    def delete(self, request: Request, pk: str) -> Response:
        """Delete the contact details of a report.

        With the tracking token of the report, or as staff of its department. No more messages are
        sent to them; the report stays. If there are none the answer is the same.
        """
        report, roles = readable(request, pk)
        if not roles & (STAFF | REPORTER):
            raise PermissionDenied("Only whoever wrote the report, or staff, may delete them.")
        by = request.user if isinstance(request.user, User) else None
        contacts.erase(report.pk, by=by, role=strongest(roles))
        return Response(status=204)


class ReportStatusView(GenericAPIView[Any]):
    """Change the status of a report, as staff of its department."""

    permission_classes = (IsAuthenticated,)
    serializer_class = StatusStepSerializer

    @extend_schema(
        operation_id="reports_status",
        parameters=[IF_MATCH],
        responses={
            200: ReportDetailSerializer,
            403: OpenApiResponse(
                description="You are not on the staff of the report's department."
            ),
            409: OpenApiResponse(
                description=(
                    "The present status does not lead to this one, somebody else has changed it "
                    "meanwhile, or the report has no certain category."
                )
            ),
            412: CHANGED,
        },
        tags=["staff"],
        methods=["POST"],
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Change the status of a report.

        For staff of the report's department. The reporter gets a message with the note. A hidden
        report becomes public only with `publish`. Before a new report is worked on, its category
        must be certain: name one in `category`, or confirm the classifier's with `accept_guess`.
        A status that needs more than a note, such as `waiting`, is reached by `steps/`.
        """
        report, roles = readable(request, pk)
        if not roles & STAFF:
            raise PermissionDenied("Only staff of the report's department may change it.")
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        sent = body.validated_data
        inputs = Inputs(note=sent.pop("note"))
        step = Step(by=cast("User", request.user), inputs=inputs, **sent)
        taking.take(report, step, roles=roles, versions=etags.expected_versions(request))
        return detail_response(request, report)


def acknowledges(request: Request) -> bool:
    """Return whether the sender has seen what is like their report, and sends it nevertheless.

    Raises:
        ValidationError: the header is neither true nor false.
    """
    name = ACKNOWLEDGEMENT.name
    answer = request.headers.get(name, NO[0]).strip().lower()
    if answer not in {*YES, *NO}:
        raise ValidationError({name: [f"Expected true or false, not {answer[:20]!r}."]})
    return answer in YES
