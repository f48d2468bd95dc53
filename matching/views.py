"""The REST API of profiles, opportunities and saved matches. Match runs: `matching.runs.views`."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from jobs.http.idempotency import idempotent
from matching.models import Interaction, Match, Opportunity, OpportunityQuerySet, Partner
from matching.opportunities import publishing
from matching.partners.authentication import IsPartner, PartnerAuthentication
from matching.profiles import editing
from matching.search.geography import within
from matching.serializers import (
    ApplicantSerializer,
    InteractionSerializer,
    MatchFilterSerializer,
    MatchSerializer,
    OpportunityFilterSerializer,
    OpportunitySerializer,
    PartnerOpportunitySerializer,
    ProfileSerializer,
    given,
)
from matching.throttling import InteractionThrottle, PartnerThrottle, ProfileEditThrottle

#: Which field each filter of the list looks at.
LOOKUPS = {
    "kind": "kind",
    "category": "category__iexact",
    "organisation": "organisation__iexact",
    "starts_after": "starts_on__gte",
    "ends_before": "ends_on__lte",
}


class ProfileView(APIView):
    """One's own profile."""

    permission_classes = (IsAuthenticated,)
    throttle_classes = (ProfileEditThrottle,)

    @extend_schema(
        operation_id="profiles_me_retrieve", responses=ProfileSerializer, tags=["matching"]
    )
    def get(self, request: Request) -> Response:
        """Read your profile; it is empty until you write it."""
        return Response(ProfileSerializer(editing.profile_of(cast("User", request.user))).data)

    @extend_schema(
        operation_id="profiles_me_update",
        request=ProfileSerializer,
        responses=ProfileSerializer,
        tags=["matching"],
    )
    def put(self, request: Request) -> Response:
        """Replace your profile. Your matches follow once you have stopped changing it."""
        taken = ProfileSerializer(data=request.data)
        taken.is_valid(raise_exception=True)
        return Response(
            ProfileSerializer(editing.edit(cast("User", request.user), taken.validated_data)).data
        )


class OpportunityListView(ListAPIView[Opportunity]):
    """The opportunities, newest first."""

    permission_classes = (AllowAny,)
    serializer_class = OpportunitySerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> OpportunityQuerySet:
        shown = OpportunityFilterSerializer(data=given(self.request))
        shown.is_valid(raise_exception=True)
        wanted = shown.validated_data
        found = self._concerned(acted=wanted.get("acted"), is_past=wanted["past"]).defer("search")
        for name, lookup in LOOKUPS.items():
            if name in wanted:
                found = found.filter(Q((lookup, wanted[name])))
        if "language" in wanted:
            found = found.speaking(wanted["language"])
        if wanted["remote"] is not None:
            found = found.filter(is_remote=wanted["remote"])
        if "near" in wanted:
            found = within(found, wanted["near"], wanted["radius_km"])
        return found.matching_text(wanted["q"]) if "q" in wanted else found

    def _concerned(self, *, acted: str | None, is_past: bool) -> OpportunityQuerySet:
        """Those among which the filters choose: what the citizen did that with, what can be read,
        or what is open.
        """
        user = self.request.user
        if acted is None:
            every = Opportunity.objects
            return every.visible_to(user) if is_past else every.open_on(timezone.localdate())
        if not user.is_authenticated:
            raise NotAuthenticated
        return Opportunity.objects.acted_on_by(user, acted)

    @extend_schema(
        operation_id="opportunities_list",
        parameters=[OpportunityFilterSerializer],
        tags=["matching"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List open opportunities, newest first; `q` searches their full text, `acted` what you
        have to do with.
        """
        return super().get(request, *args, **kwargs)


class OpportunityDetailView(RetrieveAPIView[Opportunity]):
    """One opportunity."""

    permission_classes = (AllowAny,)
    serializer_class = OpportunitySerializer

    def get_queryset(self) -> OpportunityQuerySet:
        return Opportunity.objects.defer("search").visible_to(self.request.user)

    @extend_schema(operation_id="opportunities_retrieve", tags=["matching"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Read an opportunity.

        One that is withdrawn shows only to those who had applied for, saved or dismissed it.
        """
        return super().get(request, *args, **kwargs)


class InteractionView(APIView):
    """What a citizen does with an opportunity: apply, save, dismiss, and take it back."""

    permission_classes = (IsAuthenticated,)
    throttle_classes = (InteractionThrottle,)
    kind: str = Interaction.Kind.SAVE

    @extend_schema(
        request=None,
        responses={200: InteractionSerializer, 201: InteractionSerializer},
        tags=["matching"],
    )
    def post(self, request: Request, pk: str) -> Response:
        """Do it: 201, or 200 where you had before. An application to one that is full or over
        answers 409.
        """
        opportunity = _visible_opportunity(request, pk)
        interaction, is_new = publishing.act(cast("User", request.user), opportunity, self.kind)
        return Response(InteractionSerializer(interaction).data, status=201 if is_new else 200)

    @extend_schema(request=None, responses={204: None}, tags=["matching"])
    def delete(self, request: Request, pk: str) -> Response:
        """Take it back."""
        publishing.undo(cast("User", request.user), _visible_opportunity(request, pk), self.kind)
        return Response(status=204)


def _visible_opportunity(request: Request, pk: str) -> Opportunity:
    return get_object_or_404(Opportunity.objects.defer("search").visible_to(request.user), pk=pk)


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


class MatchListView(ListAPIView[Match]):
    """One's saved matches, best first."""

    permission_classes = (IsAuthenticated,)
    serializer_class = MatchSerializer
    ordering = ("-score", "-id")

    def get_queryset(self) -> Any:
        shown = MatchFilterSerializer(data=given(self.request))
        shown.is_valid(raise_exception=True)
        names = {
            "kind": "opportunity__kind",
            "min_score": "score__gte",
            "new_since": "created_at__gt",
        }
        wanted = {names[name]: value for name, value in shown.validated_data.items()}
        user = cast("User", self.request.user)
        still_open = Opportunity.objects.open_on(timezone.localdate()).not_dismissed_by(user)
        found = Match.objects.filter(user=user, opportunity__in=still_open, **wanted)
        return found.select_related("opportunity").defer("opportunity__search")

    @extend_schema(
        operation_id="matches_list", parameters=[MatchFilterSerializer], tags=["matching"]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your saved matches, best first; `new_since` keeps those found after that time."""
        return super().get(request, *args, **kwargs)
