"""The REST API of opportunities, and of what citizens do with them."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import Q
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
from matching.models import Interaction, Opportunity, OpportunityQuerySet
from matching.opportunities import publishing
from matching.search.geography import within
from matching.serializers import (
    InteractionSerializer,
    OpportunityFilterSerializer,
    OpportunitySerializer,
    given,
)
from matching.throttling import (
    InteractionThrottle,
)

#: Which field each filter of the list looks at.
LOOKUPS = {
    "kind": "kind",
    "category": "category__iexact",
    "organisation": "organisation__iexact",
    "starts_after": "starts_on__gte",
    "ends_before": "ends_on__lte",
}


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
