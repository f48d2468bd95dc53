"""The REST API of saved matches."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from matching.models import Match, Opportunity
from matching.ranking.serializers import MatchFilterSerializer, MatchSerializer


class MatchListView(ListAPIView[Match]):
    """List one's saved matches, best first."""

    permission_classes = (IsAuthenticated,)
    serializer_class = MatchSerializer
    ordering = ("-score", "-id")

    def get_queryset(self) -> Any:
        query = MatchFilterSerializer.read(self.request)
        lookups = {
            "kind": "opportunity__kind",
            "min_score": "score__gte",
            "new_since": "created_at__gt",
        }
        filters = {lookups[name]: value for name, value in query.items()}
        user = cast("User", self.request.user)
        still_open = Opportunity.objects.open_on(timezone.localdate()).not_dismissed_by(user)
        matches = Match.objects.filter(user=user, opportunity__in=still_open, **filters)
        return matches.select_related("opportunity").defer("opportunity__search")

    @extend_schema(
        operation_id="matches_list", parameters=[MatchFilterSerializer], tags=["matches"]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List your saved matches.

        Best first. They follow your profile; dismissed and closed opportunities are left out.
        """
        return super().get(request, *args, **kwargs)
