"""The REST API of moderation: the queue, decisions, and flags."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import origins
from accounts.models import User
from jobs.http.idempotency import idempotent
from jobs.http.throttling import LimitThrottle
from reports.models import ModerationCase, Report, SubjectKind
from reports.moderation import cases, flags, subjects
from reports.moderation.serializers import (
    ApprovalSerializer,
    ModerationCaseSerializer,
    ModerationFilterSerializer,
    NewFlagSerializer,
    RejectionSerializer,
)

DECIDED_ALREADY = OpenApiResponse(
    description="Somebody has decided about it already; `reconsiders` decides again."
)


def cases_for(request: Request) -> QuerySet[ModerationCase]:
    """Return the cases about which this user may decide. Raises PermissionDenied for citizens."""
    user = cast("User", request.user)
    if not user.is_staff:
        raise PermissionDenied("Only staff moderate.")
    return ModerationCase.objects.for_staff(user)


class ModerationListView(ListAPIView[ModerationCase]):
    """The queue of moderation."""

    permission_classes = (IsAuthenticated,)
    serializer_class = ModerationCaseSerializer
    ordering = ("created_at", "id")

    def get_queryset(self) -> QuerySet[ModerationCase]:
        criteria = ModerationFilterSerializer.read(self.request)
        chosen = {name: criteria[name] for name in ("state", "kind") if name in criteria}
        return cases_for(self.request).filter(**chosen).prefetch_related("flags")

    def paginate_queryset(self, queryset: Any) -> Any:
        self.shown = super().paginate_queryset(queryset)
        return self.shown

    def get_serializer_context(self) -> dict[str, Any]:
        texts = subjects.texts_of(getattr(self, "shown", None) or [])
        return {**super().get_serializer_context(), "texts": texts}

    @extend_schema(
        operation_id="moderation_list", parameters=[ModerationFilterSerializer], tags=["staff"]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what waits for moderation, the oldest first.

        For staff: what belongs to reports of their departments, or everything with the permission
        to moderate. `reasons` says why each waits.
        """
        return super().get(request, *args, **kwargs)


class DecisionView(GenericAPIView[Any]):
    """What staff decide about a case."""

    permission_classes = (IsAuthenticated,)

    def case(self, request: Request, pk: UUID) -> ModerationCase:
        return get_object_or_404(cases_for(request), pk=pk)

    def decision(self, request: Request) -> dict[str, Any]:
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        return {**body.validated_data, "by": cast("User", request.user)}

    def answer(self, case: ModerationCase) -> Response:
        decided = ModerationCase.objects.prefetch_related("flags").get(pk=case.pk)
        context = {**self.get_serializer_context(), "texts": subjects.texts_of([decided])}
        return Response(ModerationCaseSerializer(decided, context=context).data)


class ApproveView(DecisionView):
    """Making something public."""

    serializer_class = ApprovalSerializer

    @extend_schema(
        operation_id="moderation_approve",
        responses={200: ModerationCaseSerializer, 409: DECIDED_ALREADY},
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Approve a report or comment: it is public from now on.

        Its author is notified if it was withheld.
        """
        case = self.case(request, pk)
        cases.approve(case, **self.decision(request))
        return self.answer(case)


class RejectView(DecisionView):
    """Keeping something from the public."""

    serializer_class = RejectionSerializer

    @extend_schema(
        operation_id="moderation_reject",
        responses={200: ModerationCaseSerializer, 409: DECIDED_ALREADY},
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Reject a report or comment: it is not public, and its author is told the reason.

        A report is rejected as a whole while its status allows that.
        """
        case = self.case(request, pk)
        cases.reject(case, **self.decision(request))
        return self.answer(case)


class FlagThrottle(LimitThrottle):
    """So many flags from one person or address within an hour."""

    period = timedelta(hours=1)

    @property
    def limit(self) -> int:  # type: ignore[override]
        return int(settings.FLAGS_PER_PERSON_HOUR)

    def key(self, request: Request, view: APIView) -> str | None:
        user = request.user
        who = user.pk if isinstance(user, User) else origins.of_request(request).host
        return f"reports:flag:{who}"


class FlagView(GenericAPIView[Any]):
    """Flags by anybody; a kind of thing has a subclass."""

    permission_classes = (AllowAny,)
    throttle_classes = (FlagThrottle,)
    serializer_class = NewFlagSerializer

    def flag(
        self, request: Request, report: Report, kind: str, subject_id: UUID, *, may_hide: bool
    ) -> Response:
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        flags.flag(
            report,
            kind,
            subject_id,
            by=request.user if isinstance(request.user, User) else None,
            host=origins.of_request(request).host,
            may_hide=may_hide,
            **body.validated_data,
        )
        return Response(status=204)


class ReportFlagView(FlagView):
    """Flagging a report."""

    @extend_schema(
        operation_id="reports_flag",
        responses={204: OpenApiResponse(description="Noted; the same for a repeated flag.")},
        tags=["reports"],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Say that a report is improper.

        Staff look at it. A person's second flag changes nothing.
        """
        report = get_object_or_404(Report.objects.published(), pk=pk)
        return self.flag(request, report, SubjectKind.REPORT, report.pk, may_hide=True)
