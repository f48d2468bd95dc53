"""The REST API of partner organisations."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.http.idempotency import idempotent
from matching.models import Interaction, Opportunity, OpportunityQuerySet, Partner
from matching.opportunities import publishing
from matching.partners.authentication import IsPartner, PartnerAuthentication
from matching.serializers import (
    ApplicantSerializer,
    PartnerOpportunitySerializer,
)
from matching.throttling import (
    PartnerThrottle,
)


class PartnerView(APIView):
    """What the addresses of partners have in common."""

    authentication_classes = (PartnerAuthentication,)
    permission_classes = (IsPartner,)
    throttle_classes = (PartnerThrottle,)


class PartnerOpportunityListView(PartnerView, ListAPIView[Opportunity]):
    """A partner's own opportunities."""

    serializer_class = PartnerOpportunitySerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> OpportunityQuerySet:
        return Opportunity.objects.filter(partner=_partner(self.request)).defer("search")

    @extend_schema(operation_id="partner_opportunities_list", tags=["partners"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your organisation's opportunities, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="partner_opportunities_create",
        request=PartnerOpportunitySerializer,
        responses={200: PartnerOpportunitySerializer, 201: PartnerOpportunitySerializer},
        tags=["partners"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Publish an opportunity.

        One with an `external_id` you used before is changed instead (200).
        """
        taken = PartnerOpportunitySerializer(data=request.data)
        taken.is_valid(raise_exception=True)
        opportunity, is_new = publishing.publish(_partner(request), taken.validated_data)
        return Response(
            PartnerOpportunitySerializer(opportunity).data, status=201 if is_new else 200
        )


class PartnerOpportunityView(PartnerView):
    """One of a partner's own opportunities."""

    @extend_schema(
        operation_id="partner_opportunities_retrieve",
        responses=PartnerOpportunitySerializer,
        tags=["partners"],
    )
    def get(self, request: Request, pk: str) -> Response:
        """Read one of your opportunities."""
        return Response(PartnerOpportunitySerializer(_own_opportunity(request, pk)).data)

    @extend_schema(
        operation_id="partner_opportunities_update",
        request=PartnerOpportunitySerializer,
        responses=PartnerOpportunitySerializer,
        tags=["partners"],
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Change some of its fields. An `external_id` that another one of yours has answers 409."""
        opportunity = _own_opportunity(request, pk)
        taken = PartnerOpportunitySerializer(opportunity, data=request.data, partial=True)
        taken.is_valid(raise_exception=True)
        changed = publishing.change(opportunity, taken.validated_data)
        return Response(PartnerOpportunitySerializer(changed).data)

    @extend_schema(
        operation_id="partner_opportunities_close", responses={204: None}, tags=["partners"]
    )
    def delete(self, request: Request, pk: str) -> Response:
        """Withdraw it: it is shown and matched no more."""
        publishing.change(_own_opportunity(request, pk), {"is_active": False})
        return Response(status=204)


class PartnerApplicantListView(PartnerView, ListAPIView[Interaction]):
    """The citizens who applied for one of a partner's own opportunities."""

    serializer_class = ApplicantSerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Interaction]:
        opportunity = _own_opportunity(self.request, self.kwargs["pk"])
        applied = Interaction.objects.filter(opportunity=opportunity, kind=Interaction.Kind.APPLY)
        return applied.filter(user__is_active=True).select_related("user__profile")

    @extend_schema(operation_id="partner_applicants_list", tags=["partners"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List who applied, newest first.

        A profile shows only where its citizen lets organisations see it.
        """
        return super().get(request, *args, **kwargs)


def _own_opportunity(request: Request, pk: str) -> Opportunity:
    return get_object_or_404(Opportunity.objects.defer("search"), pk=pk, partner=_partner(request))


def _partner(request: Request) -> Partner:
    return cast("Partner", request.user)
