"""The REST API of partner organisations."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs.http.idempotency import idempotent
from matching.models import Interaction, Opportunity, OpportunityQuerySet, Partner
from matching.opportunities import publishing
from matching.partners.authentication import IsPartner, PartnerAuthentication
from matching.partners.serializers import ApplicantSerializer, PartnerOpportunitySerializer
from matching.partners.throttling import (
    PartnerThrottle,
)


class PartnerView(APIView):
    """Authenticate a partner by its API key, and limit its requests."""

    authentication_classes = (PartnerAuthentication,)
    permission_classes = (IsPartner,)
    throttle_classes = (PartnerThrottle,)


class PartnerOpportunityListView(PartnerView, ListAPIView[Opportunity]):
    """List a partner's own opportunities; publish one."""

    serializer_class = PartnerOpportunitySerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> OpportunityQuerySet:
        return Opportunity.objects.filter(partner=_partner(self.request)).defer("search")

    @extend_schema(operation_id="partner_opportunities_list", tags=["partners"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your organisation's opportunities.

        Newest first, withdrawn ones included.
        """
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="partner_opportunities_create",
        request=PartnerOpportunitySerializer,
        responses={
            200: OpenApiResponse(
                PartnerOpportunitySerializer,
                description="The opportunity with this `external_id` was there; it is changed.",
            ),
            201: OpenApiResponse(PartnerOpportunitySerializer, description="Published."),
        },
        tags=["partners"],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Publish an opportunity.

        `external_id` is its id in your own system. Where you have published an opportunity under
        the same one, that opportunity is changed instead.
        """
        serializer = PartnerOpportunitySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        opportunity, is_new = publishing.publish(_partner(request), serializer.validated_data)
        return Response(
            PartnerOpportunitySerializer(opportunity).data, status=201 if is_new else 200
        )


class PartnerOpportunityView(PartnerView):
    """Read, change or withdraw one of a partner's own opportunities."""

    @extend_schema(
        operation_id="partner_opportunities_retrieve",
        responses=PartnerOpportunitySerializer,
        tags=["partners"],
    )
    def get(self, request: Request, pk: str) -> Response:
        """Read one of your opportunities.

        Withdrawn ones can be read too.
        """
        return Response(PartnerOpportunitySerializer(_own_opportunity(request, pk)).data)

    @extend_schema(
        operation_id="partner_opportunities_update",
        request=PartnerOpportunitySerializer,
        responses={
            200: PartnerOpportunitySerializer,
            409: OpenApiResponse(
                description="Another opportunity of yours has this `external_id`."
            ),
        },
        tags=["partners"],
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Change one of your opportunities.

        Only the fields in the body change. `is_active` set to true publishes a withdrawn one again.
        """
        opportunity = _own_opportunity(request, pk)
        serializer = PartnerOpportunitySerializer(opportunity, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changed = publishing.change(opportunity, serializer.validated_data)
        return Response(PartnerOpportunitySerializer(changed).data)

    @extend_schema(
        operation_id="partner_opportunities_close",
        responses={204: OpenApiResponse(description="Withdrawn.")},
        tags=["partners"],
    )
    def delete(self, request: Request, pk: str) -> Response:
        """Withdraw one of your opportunities.

        Searches and matches do not show it any more. Those who applied can still read it.
        """
        publishing.change(_own_opportunity(request, pk), {"is_active": False})
        return Response(status=204)


class PartnerApplicantListView(PartnerView, ListAPIView[Interaction]):
    """List the citizens who applied for one of a partner's own opportunities."""

    serializer_class = ApplicantSerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Interaction]:
        opportunity = _own_opportunity(self.request, self.kwargs["pk"])
        applied = Interaction.objects.filter(opportunity=opportunity, kind=Interaction.Kind.APPLY)
        return applied.filter(user__is_active=True).select_related("user__profile")

    @extend_schema(operation_id="partner_applicants_list", tags=["partners"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the applicants of one of your opportunities.

        Newest first. `profile` is null unless the applicant lets organisations see their profile.
        """
        return super().get(request, *args, **kwargs)


def _own_opportunity(request: Request, pk: str) -> Opportunity:
    return get_object_or_404(Opportunity.objects.defer("search"), pk=pk, partner=_partner(request))


def _partner(request: Request) -> Partner:
    return cast("Partner", request.user)
