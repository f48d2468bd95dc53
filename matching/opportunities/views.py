"""The REST API of opportunities: list, read, apply for, save and dismiss."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from matching.models import Interaction, Opportunity, OpportunityQuerySet
from matching.opportunities import publishing
from matching.opportunities.serializers import InteractionSerializer, OpportunityFilterSerializer
from matching.schema import TOO_MANY_REQUESTS
from matching.search.geography import within
from matching.serializers import OpportunitySerializer

RECORDED = {
    200: OpenApiResponse(InteractionSerializer, description="It was so before; nothing changed."),
    201: OpenApiResponse(InteractionSerializer, description="Recorded."),
    429: TOO_MANY_REQUESTS,
}
UNDONE = {
    204: OpenApiResponse(description="Undone; the same where there was nothing to undo."),
    429: TOO_MANY_REQUESTS,
}

#: Parameter of the list → the lookup that it means.
LOOKUPS = {
    "kind": "kind",
    "category": "category__iexact",
    "organisation": "organisation__iexact",
    "starts_after": "starts_on__gte",
    "ends_before": "ends_on__lte",
}


class OpportunityListView(ListAPIView[Opportunity]):
    """List opportunities, newest first."""

    permission_classes = (AllowAny,)
    serializer_class = OpportunitySerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> OpportunityQuerySet:
        filters = OpportunityFilterSerializer.read(self.request)
        opportunities = self._unfiltered(acted=filters.get("acted"), is_past=filters["past"])
        opportunities = opportunities.defer("search")
        for name, lookup in LOOKUPS.items():
            if name in filters:
                opportunities = opportunities.filter(Q((lookup, filters[name])))
        if "language" in filters:
            opportunities = opportunities.speaking(filters["language"])
        if filters["remote"] is not None:
            opportunities = opportunities.filter(is_remote=filters["remote"])
        if "near" in filters:
            opportunities = within(opportunities, filters["near"], filters["radius_km"])
        return opportunities.matching_text(filters["q"]) if "q" in filters else opportunities

    def _unfiltered(self, *, acted: str | None, is_past: bool) -> OpportunityQuerySet:
        """Return the opportunities that the filters narrow.

        They are those that the citizen acted on in the way `acted`, or else all that the user may
        read (`is_past`), or else the open ones.
        """
        user = self.request.user
        if acted is None:
            opportunities = Opportunity.objects
            if is_past:
                return opportunities.visible_to(user)
            return opportunities.open_on(timezone.localdate())
        if not user.is_authenticated:
            raise NotAuthenticated
        return Opportunity.objects.acted_on_by(user, acted)

    @extend_schema(
        operation_id="opportunities_list",
        parameters=[OpportunityFilterSerializer],
        tags=["opportunities"],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List and search opportunities.

        Without parameters: all that are open, newest first. `q` searches their texts; the other
        parameters narrow the list. With `acted`, and signed in, the list holds the ones you applied
        for, saved or dismissed, open or not.
        """
        return super().get(request, *args, **kwargs)


class OpportunityDetailView(RetrieveAPIView[Opportunity]):
    """Read one opportunity."""

    permission_classes = (AllowAny,)
    serializer_class = OpportunitySerializer

    def get_queryset(self) -> OpportunityQuerySet:
        return Opportunity.objects.defer("search").visible_to(self.request.user)

    @extend_schema(operation_id="opportunities_retrieve", tags=["opportunities"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Read an opportunity.

        A withdrawn one shows only to citizens who applied for it, saved it or dismissed it before.
        """
        return super().get(request, *args, **kwargs)


class InteractionView(APIView):
    """Record that a citizen applied for, saved or dismissed an opportunity, or undo it."""

    permission_classes = (IsAuthenticated,)
    kind: Interaction.Kind

    @extend_schema(request=None, responses=RECORDED, tags=["opportunities"])
    def post(self, request: Request, pk: str) -> Response:
        """Record the interaction; answer 201, or 200 where it was there before."""
        opportunity = _visible_opportunity(request, pk)
        interaction, is_new = publishing.act(cast("User", request.user), opportunity, self.kind)
        return Response(InteractionSerializer(interaction).data, status=201 if is_new else 200)

    @extend_schema(request=None, responses=UNDONE, tags=["opportunities"])
    def delete(self, request: Request, pk: str) -> Response:
        """Delete the interaction, if there is one."""
        publishing.undo(cast("User", request.user), _visible_opportunity(request, pk), self.kind)
        return Response(status=204)


@extend_schema_view(
    post=extend_schema(
        summary="Apply for an opportunity",
        description="Its organisation sees your application, and your profile if you allow that.",
        responses={
            **RECORDED,
            409: OpenApiResponse(description="The opportunity is full, over or withdrawn."),
        },
    ),
    delete=extend_schema(
        summary="Withdraw an application",
        description="The organisation sees your application no more, and your place is free again.",
    ),
)
class ApplicationView(InteractionView):
    """Apply for an opportunity, or withdraw the application."""

    kind = Interaction.Kind.APPLY


@extend_schema_view(
    post=extend_schema(
        summary="Save an opportunity",
        description="It is in the list of `GET /api/v1/opportunities/?acted=save` from then on.",
    ),
    delete=extend_schema(
        summary="Remove an opportunity from the saved ones",
        description="It is still found by searches, and may be saved again.",
    ),
)
class SavedOpportunityView(InteractionView):
    """Save an opportunity, or remove it from the saved ones."""

    kind = Interaction.Kind.SAVE


@extend_schema_view(
    post=extend_schema(
        summary="Dismiss an opportunity",
        description="It is not among your matches any more.",
    ),
    delete=extend_schema(
        summary="Undo the dismissal of an opportunity",
        description="It may be among your matches again.",
    ),
)
class DismissedOpportunityView(InteractionView):
    """Dismiss an opportunity, or undo that."""

    kind = Interaction.Kind.DISMISS


def _visible_opportunity(request: Request, pk: str) -> Opportunity:
    return get_object_or_404(Opportunity.objects.defer("search").visible_to(request.user), pk=pk)
