"""What is kept of each run: the counts of every board, and its first places without names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from accounts.models import User
from jobs.models import JobResult
from reports.leaderboard import computing
from reports.leaderboard.ranking import NAMELESS, Board
from reports.models import Area, LeaderboardPeriod

PLACES_KEPT = 10


def summaries(period: LeaderboardPeriod) -> list[dict[str, Any]]:
    """Return the counts and the first places of each board of a period."""
    areas = {area.pk: area for area in Area.objects.all()}
    return [
        {
            "period": period.value,
            "area": area_id,
            "citizens": citizens,
            "points": points,
            "places": [
                {"rank": place.rank, "user_id": str(place.user_id), "points": place.points}
                for place in Board(period, areas[area_id] if area_id else None).first(PLACES_KEPT)
            ],
        }
        for area_id, citizens, points in computing.counts(period)
        if area_id is None or area_id in areas
    ]


def named(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return kept places with the names of today; who left since is left out."""
    ids = [UUID(place["user_id"]) for place in places]
    visible = User.objects.filter(
        pk__in=ids, is_active=True, is_staff=False, is_on_leaderboard=True
    )
    names = {str(pk): name or NAMELESS for pk, name in visible.values_list("pk", "name")}
    return [
        {"rank": place["rank"], "name": names[place["user_id"]], "points": place["points"]}
        for place in places
        if place["user_id"] in names
    ]


def rows(kept: JobResult) -> Iterable[dict[str, Any]]:
    """Yield the rows of an export: one for each place of each board."""
    areas = dict(Area.objects.values_list("pk", "name"))
    for board in kept.result["boards"]:
        area = areas.get(board["area"], "")
        for place in named(board["places"]):
            yield {"period": board["period"], "area": area, **place}
