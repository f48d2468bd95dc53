"""Read a board: who stands where. Citizens who left the leaderboard are not on it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from reports.models import Area, LeaderboardPeriod, LeaderboardStanding

#: Shown for a citizen who has given no name.
NAMELESS = "A citizen"


@dataclass(frozen=True, slots=True)
class Place:
    """One line of a board. Equal points share a rank."""

    rank: int
    user_id: UUID
    name: str
    points: int


@dataclass(frozen=True, slots=True)
class Board:
    """The points of one period, in one area, or in the whole city where that is None."""

    period: LeaderboardPeriod
    area: Area | None = None

    def first(self, limit: int) -> list[Place]:
        """Return the first places, at most `limit`."""
        standings = self._standings().order_by("-points", "reached_at", "user_id")
        rows = standings.values_list("user_id", "user__name", "points")[:limit]
        places: list[Place] = []
        for number, (user_id, name, points) in enumerate(rows, start=1):
            is_tied = places and places[-1].points == points
            rank = places[-1].rank if is_tied else number
            places.append(Place(rank, user_id, name or NAMELESS, points))
        return places

    def of(self, user_id: UUID) -> Place | None:
        """Return the place of one citizen; None who gained nothing or left the leaderboard."""
        standing = self._standings().select_related("user").filter(user_id=user_id).first()
        if standing is None:
            return None
        before = self._standings().filter(points__gt=standing.points).count()
        name = standing.user.name or NAMELESS
        return Place(before + 1, user_id, name, standing.points)

    def _standings(self) -> QuerySet[LeaderboardStanding]:
        of_board = LeaderboardStanding.objects.filter(period=self.period, area=self.area)
        return of_board.filter(VISIBLE)


VISIBLE = Q(user__is_active=True, user__is_staff=False, user__is_on_leaderboard=True)
