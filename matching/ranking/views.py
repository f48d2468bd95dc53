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
from matching.serializers import (
    MatchFilterSerializer,
    MatchSerializer,
    given,
)


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
