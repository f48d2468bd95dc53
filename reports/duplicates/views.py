"""The REST API of duplicates: the check before sending, and what staff decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from django.db.models import Q
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import origins
from accounts.models import User
from jobs.http import limits
from jobs.http.idempotency import idempotent
from reports.duplicates import checking, merging
from reports.duplicates.serializers import (
    CandidatesSerializer,
    DecisionSerializer,
    DuplicatePairSerializer,
    UnsentReportSerializer,
)
from reports.models import DuplicatePair, Report
from reports.workflow import etags

Decision = Callable[[Report, Report, User], object]

TOO_MANY_CHECKS = OpenApiResponse(description="Too many checks; wait for `Retry-After` seconds.")
REFUSAL = "Only staff of the report's department may decide about its duplicates."


#: Checks of one person or address within the period.
CHECKS, CHECKS_PERIOD = 60, timedelta(minutes=10)


class CheckDuplicatesView(GenericAPIView[Any]):
    """Whether a report that is not sent yet repeats one near by."""

    permission_classes = (AllowAny,)
    serializer_class = UnsentReportSerializer

    @extend_schema(
        operation_id="reports_check_duplicates",
        responses={200: CandidatesSerializer, 429: TOO_MANY_CHECKS},
        tags=["reports"],
    )
    def post(self, request: Request) -> Response:
        """Find open public reports that one not sent yet repeats.

        Nothing is stored. The likeliest come first, five at most, with the reasons.
        """
        unsent = self.get_serializer(data=request.data)
        unsent.is_valid(raise_exception=True)
        reporter = request.user if isinstance(request.user, User) else None
        _spend_check(reporter, origins.of_request(request).host)
        candidates = checking.check(**unsent.validated_data, reporter=reporter)
        return Response(CandidatesSerializer({"candidates": candidates}).data)


class DuplicateListView(GenericAPIView[DuplicatePair]):
    """What was suggested and decided about a report."""

    permission_classes = (IsAuthenticated,)
    serializer_class = DuplicatePairSerializer
    pagination_class = None

    @extend_schema(
        operation_id="reports_duplicates",
        responses={200: DuplicatePairSerializer(many=True)},
        tags=["reports"],
    )
    def get(self, request: Request, pk: str) -> Response:
        """List the reports that may be the same problem, with the reasons, for staff.

        The likeliest come first. `state` says what was decided.
        """
        report = report_of_staff(request, pk)
        pairs = DuplicatePair.objects.filter(Q(earlier=report) | Q(later=report))
        readable = Report.objects.visible_to(cast("User", request.user)).values("pk")
        shown = pairs.filter(earlier__in=readable, later__in=readable)
        return Response(self.get_serializer(shown.order_by("-probability", "pk"), many=True).data)


class DecisionView(GenericAPIView[Any]):
    """What staff decide about a report and another one."""

    permission_classes = (IsAuthenticated,)
    serializer_class = DecisionSerializer

    def decide(self, request: Request, pk: str, decision: Decision) -> Response:
        report = report_of_staff(request, pk)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = cast("User", request.user)
        other = get_object_or_404(Report.objects.visible_to(user), pk=body.validated_data["other"])
        decision(report, other, user)
        both = (report, other)
        pair = DuplicatePair.objects.get(earlier__in=both, later__in=both)
        return Response(DuplicatePairSerializer(pair).data)


class MergeView(DecisionView):
    """Merging a report into another."""

    @extend_schema(
        operation_id="reports_merge", responses=DuplicatePairSerializer, tags=["reports"]
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Close a report as a duplicate of `other`, as staff of its department.

        Both are kept. Whoever sent the report is notified, and of every later step of the other
        one too. What cannot be merged answers 409.
        """
        return self.decide(
            request,
            pk,
            lambda report, other, by: merging.merge(
                report, into=other, by=by, versions=etags.expected_versions(request)
            ),
        )


class RefuseView(DecisionView):
    """Telling that two reports are not the same."""

    @extend_schema(
        operation_id="reports_refuse_duplicate", responses=DuplicatePairSerializer, tags=["reports"]
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Note that a report and `other` are not the same problem.

        They are never suggested again. Merged reports answer 409: undo the merge first.
        """
        return self.decide(
            request, pk, lambda report, other, by: merging.refuse(report, other, by=by)
        )


class UndoView(DecisionView):
    """Taking a decision back."""

    @extend_schema(
        operation_id="reports_undo_duplicate", responses=DuplicatePairSerializer, tags=["reports"]
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Take back what was decided about the report and `other`: a merge or a refusal.

        A duplicate becomes a triaged report again. Where nothing was decided, the answer is 409.
        """
        return self.decide(
            request, pk, lambda report, other, by: merging.undo(report, other, by=by)
        )


def report_of_staff(request: Request, pk: str) -> Report:
    """Return the report if this user may decide about it. Raises Http404 and PermissionDenied."""
    user = cast("User", request.user)
    report = get_object_or_404(Report.objects.visible_to(user), pk=pk)
    if not report.may_be_changed_by(user):
        raise PermissionDenied(REFUSAL)
    return report


def _spend_check(reporter: User | None, host: str) -> None:
    """Count one check of a valid report.

    Raises:
        Throttled: there were too many.
    """
    who = reporter.pk if reporter else host
    limit = limits.hit(f"reports:check-duplicates:{who}", CHECKS, CHECKS_PERIOD)
    if not limit.allowed:
        raise Throttled(wait=limit.retry_after)
