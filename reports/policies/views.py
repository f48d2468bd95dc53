"""The REST API of policies: their versions, applying one and taking it back."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import Q
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from jobs.http.idempotency import idempotent
from jobs.models import JobResult
from reports.models import Department, Policy
from reports.models.policies import PolicyQuerySet
from reports.policies import applying
from reports.policies.access import decides_somewhere, may_decide, shared_results
from reports.policies.serializers import (
    AppliedPolicySerializer,
    PolicySerializer,
    RevertedPolicySerializer,
)


class PolicyListView(ListAPIView[Policy]):
    """List the versions of policies; apply one."""

    permission_classes = (IsAuthenticated,)
    serializer_class = PolicySerializer
    ordering = ("-id",)

    def get_queryset(self) -> PolicyQuerySet:
        policies = Policy.objects.readable_by(self.request.user)
        return policies.select_related("department", "reverts", "applied_by")

    @extend_schema(
        operation_id="policies_list",
        responses={
            200: PolicySerializer(many=True),
            403: OpenApiResponse(description="You are not staff."),
        },
        tags=["staff"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the versions of policies of triage.

        For staff: those of your departments and of the whole city, newest first. The newest version
        of each is in force.
        """
        _require_staff(request)
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="policies_apply",
        request=AppliedPolicySerializer,
        responses={
            201: PolicySerializer,
            403: OpenApiResponse(description="You do not manage the department."),
            409: OpenApiResponse(description="Another version is in force than the one you saw."),
        },
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Apply a policy that a search has tried.

        For managers of the department that was searched; for superusers where it was the whole
        city. Open reports are put in its order within seconds. It can be taken back.
        """
        _require_staff(request)
        body = AppliedPolicySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        sent, by = body.validated_data, cast("User", request.user)
        result = _readable_result(by, sent["result"])
        _require(by, applying.department_of(result))
        policy = applying.apply_trial(
            result, sent.get("trial"), by=by, note=sent["note"], seen=sent.get("seen")
        )
        return Response(PolicySerializer(policy).data, status=201)


class PolicyRevertView(GenericAPIView[Any]):
    """Take back the policy in force."""

    permission_classes = (IsAuthenticated,)
    serializer_class = RevertedPolicySerializer

    @extend_schema(
        operation_id="policies_revert",
        request=RevertedPolicySerializer,
        responses={
            201: PolicySerializer,
            403: OpenApiResponse(description="You do not manage the department."),
            409: OpenApiResponse(
                description="No policy is in force, or another one than the one you saw."
            ),
        },
        tags=["staff"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Take back the policy in force.

        The one before it applies again, as a new version. For managers of the department; for the
        whole city's policy for superusers.
        """
        if not decides_somewhere(request.user):
            raise PermissionDenied(_REFUSED)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        sent, by = body.validated_data, cast("User", request.user)
        department: Department | None = sent.get("department")
        _require(by, department)
        policy = applying.revert(department, by=by, note=sent["note"], seen=sent.get("seen"))
        return Response(PolicySerializer(policy).data, status=201)


def _readable_result(by: User, result_id: UUID) -> JobResult:
    """Return a search that this person may read.

    Raises:
        Http404: there is none with this id.
    """
    results = JobResult.objects.filter(job_type="discovery")
    if not by.is_superuser:
        results = results.filter(shared_results(by) | Q(created_by=by.pk))
    return get_object_or_404(results, pk=result_id)


_REFUSED = "Only managers of the department may decide about its policy."


def _require(by: User, department: Department | None) -> None:
    if not may_decide(by, department):
        raise PermissionDenied(_REFUSED)


def _require_staff(request: Request) -> None:
    if not (isinstance(request.user, User) and request.user.is_staff):
        raise PermissionDenied("Policies are for staff.")
