"""The leaderboard: whose reputation grew most in a period.

It tells display names, and nothing else of a person.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F, Sum, Window
from django.db.models.functions import Rank

from accounts.models import ReputationEntry
from jobs.http import periods

#: Stands for a citizen who has given no name.
NAMELESS = "A citizen"


def top_citizens(
    *, since: str | None = None, until: str | None = None, limit: int
) -> list[dict[str, Any]]:
    """The citizens with the most points from `since` until before `until` (ISO 8601), equal points
    sharing a rank.

    `jobs.http.periods` says what period it is where none is given. Staff and disabled users are
    left out, and so is who gained nothing.
    """
    begin, end = periods.bounds(since, until)
    entries = ReputationEntry.objects.filter(
        created_at__gte=begin, created_at__lt=end, user__is_active=True, user__is_staff=False
    )
    sums = (
        entries.order_by()
        .values("user_id", name=F("user__name"))
        .annotate(sum=Sum("points"))
        .filter(sum__gt=0)
    )
    ranked = sums.annotate(rank=Window(Rank(), order_by=F("sum").desc())).order_by(
        "rank", "user_id"
    )
    return [
        {"rank": row["rank"], "name": row["name"] or NAMELESS, "points": row["sum"]}
        for row in ranked[:limit]
    ]
