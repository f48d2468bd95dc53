"""The REST API of routing, for staff."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from reports.models import Report, RoutingRule
from reports.routing import trying
from reports.routing.rules import NAMED
from reports.routing.serializers import (
    RoutingRuleSerializer,
    TrialQuerySerializer,
    TrialSerializer,
)


class RoutingRuleListView(ListAPIView[RoutingRule]):
    """List the rules of routing."""

    permission_classes = (IsAuthenticated,)
    serializer_class = RoutingRuleSerializer
    ordering = ("position", "id")
    queryset = RoutingRule.objects.select_related(*NAMED).order_by("position", "id")

    @extend_schema(
        operation_id="routing_rules_list",
        responses={
            200: RoutingRuleSerializer(many=True),
            403: OpenApiResponse(description="You are not staff."),
        },
        tags=["staff"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the rules of routing.

        In the order in which they are tried: the first whose conditions all hold decides where a
        report goes. For staff.
        """
        if not request.user.is_staff:
            raise PermissionDenied("Only staff may read the rules of routing.")
        return super().get(request, *args, **kwargs)


class RoutingTrialView(APIView):
    """Try the rules of routing on past reports."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="routing_rules_trial",
        parameters=[TrialQuerySerializer],
        responses={
            200: TrialSerializer,
            403: OpenApiResponse(description="You may not change the rules of routing."),
        },
        tags=["staff"],
    )
    def get(self, request: Request) -> Response:
        """Try the rules of routing on past reports.

        Nothing is changed. Looks at the newest reports that you work on, as they are stored now,
        and answers which would go elsewhere, or get another deadline, by the present rules. For
        those who may change the rules.
        """
        if not request.user.has_perm("reports.change_routingrule"):
            raise PermissionDenied("Only those who may change the rules of routing may try them.")
        options = TrialQuerySerializer.read(request)
        mine = Report.objects.for_staff(cast("User", request.user))
        trial = trying.try_rules(mine, last=options["last"], with_drafts=options["drafts"])
        return Response(TrialSerializer(trial).data)
