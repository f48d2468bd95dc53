"""The REST API of plans, for staff; a plan is made by a job of the type `optimization`."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from jobs.execution import job_types
from jobs.http.idempotency import idempotent
from jobs.results.exporting import export
from reports.dispatch import applying, showing
from reports.dispatch.serializers import (
    DispatchPlanFilterSerializer,
    DispatchPlanSerializer,
    DispatchPlanSummarySerializer,
    OutcomeSerializer,
)
from reports.models import DispatchPlan, DispatchPlanQuerySet

NOT_STAFF = OpenApiResponse(description="You are not staff.")


class DispatchPlanListView(ListAPIView[DispatchPlan]):
    """List the plans."""

    permission_classes = (IsAuthenticated,)
    serializer_class = DispatchPlanSummarySerializer
    ordering = ("-result",)

    def get_queryset(self) -> DispatchPlanQuerySet:
        filters = DispatchPlanFilterSerializer.read(self.request)
        plans = plans_of(self.request).select_related("department", "result")
        return plans.filter(**filters).defer("result__result", "result__inputs")

    @extend_schema(
        operation_id="dispatch_plans_list",
        parameters=[DispatchPlanFilterSerializer],
        responses={200: DispatchPlanSummarySerializer(many=True), 403: NOT_STAFF},
        tags=["staff"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the plans of crews' days.

        Of the departments in which you work, newest first. A plan is made by a job of the type
        `optimization`, see `POST /api/v1/jobs/`.
        """
        return super().get(request, *args, **kwargs)


class DispatchPlanView(APIView):
    """Read one plan."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="dispatch_plans_retrieve",
        responses={200: DispatchPlanSerializer, 403: NOT_STAFF},
        tags=["staff"],
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """Read a plan of crews' days.

        With the stops of each crew in their order, and the reports that are left out, each with the
        reason. While its job runs, it is the best so far.
        """
        return Response(DispatchPlanSerializer(_detailed(request, plan_id)).data)


class DispatchPlanGeoJsonView(APIView):
    """Show one plan on a map."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="dispatch_plans_geojson",
        responses={(200, "application/geo+json"): OpenApiTypes.OBJECT, 403: NOT_STAFF},
        tags=["staff"],
    )
    def get(self, request: Request, plan_id: UUID) -> HttpResponse:
        """Read a plan as GeoJSON.

        A line for each route, from home through its stops and back, and a point for each stop.
        """
        return geojson(_plan(request, plan_id))


class ApplyPlanView(APIView):
    """Apply one plan."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="dispatch_plans_apply",
        request=None,
        responses={
            200: OutcomeSerializer,
            403: NOT_STAFF,
            409: OpenApiResponse(
                description="It was applied before, is still being improved, or nothing of it can"
                " be assigned any more."
            ),
        },
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Apply a plan.

        Assigns all its reports to their crews in one transaction. What has changed since the plan
        was made is left as it is: `left` names each such report with the reason. A plan is applied
        once.
        """
        outcome = applying.apply(_plan(request, plan_id), by=cast("User", request.user))
        return Response(OutcomeSerializer(outcome).data)


class UndoPlanView(APIView):
    """Undo one plan."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="dispatch_plans_undo",
        request=None,
        responses={
            200: OutcomeSerializer,
            403: NOT_STAFF,
            409: OpenApiResponse(
                description="It was not applied, was undone already, or nothing of it can be"
                " undone."
            ),
        },
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Undo a plan.

        Takes back what it assigned, in one transaction, where the reports are as the plan left
        them; `left` names the others with the reason. Whoever applied it may, and managers.
        """
        outcome = applying.undo(_plan(request, plan_id), by=cast("User", request.user))
        return Response(OutcomeSerializer(outcome).data)


def plans_of(request: Request) -> DispatchPlanQuerySet:
    """Return the plans that the person who asks may read.

    Raises:
        PermissionDenied: they are not staff.
    """
    user = cast("User", request.user)
    if not user.is_staff:
        raise PermissionDenied("Only staff reads the plans of crews' days.")
    return DispatchPlan.objects.for_staff(user)


def geojson(plan: DispatchPlan) -> HttpResponse:
    """Return the routes and stops of a plan as a file of GeoJSON (RFC 7946)."""
    text, media_type = export(plan.result, job_types.find(plan.result.job_type), "geojson")
    name = f"dispatch-{plan.day}.geojson"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=media_type, headers=headers)


def _plan(request: Request, plan_id: UUID) -> DispatchPlan:
    plan = plans_of(request).select_related("result").filter(pk=plan_id).first()
    if plan is None:
        raise Http404
    return plan


def _detailed(request: Request, plan_id: UUID) -> DispatchPlan:
    plan = showing.detailed(plans_of(request)).filter(pk=plan_id).first()
    if plan is None:
        raise Http404
    return plan
