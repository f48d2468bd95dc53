"""The REST API of the leaderboard."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.leaderboard.ranking import Board
from reports.leaderboard.serializers import RankingQuerySerializer, RankingSerializer
from reports.models import LeaderboardPeriod


class LeaderboardView(APIView):
    """Show the leaderboard."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="leaderboard_retrieve",
        parameters=[RankingQuerySerializer],
        responses=RankingSerializer,
        tags=["figures"],
    )
    def get(self, request: Request) -> Response:
        """Show the leaderboard.

        The citizens who gained most reputation, in the whole city or in an area. It is brought up
        to date every hour. Who does not want to be on it says so in the account
        (`is_on_leaderboard`) and is gone at once.
        """
        query: dict[str, Any] = RankingQuerySerializer.read(request)
        area = query.get("area")
        board = Board(LeaderboardPeriod(query["period"]), area)
        content = {
            "period": board.period,
            "area": area.pk if area else None,
            "places": board.first(query["limit"]),
            "own": board.of(request.user.pk) if request.user.is_authenticated else None,
        }
        return Response(RankingSerializer(content).data)
