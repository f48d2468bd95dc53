"""The leaderboard: the citizens who gained most reputation in a period.

It shows display names, and no other personal data.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F, Sum, Window
from django.db.models.functions import Rank

from accounts.models import ReputationEntry
from jobs.http import periods
from jobs.ledger import database

#: Shown for a citizen who has given no name.
NAMELESS = "A citizen"


def top_citizens(
    *, since: str | None = None, until: str | None = None, limit: int
) -> list[dict[str, Any]]:
    """Return the citizens who gained most points from `since` until before `until` (ISO 8601).

    Equal points share a rank. `jobs.http.periods` has the period where none is given. Staff,
    disabled users, citizens who gained nothing and those who left the leaderboard are left out.
    """
    begin, end = periods.bounds(since, until, now=database.now())
    entries = ReputationEntry.objects.filter(
        created_at__gte=begin,
        created_at__lt=end,
        user__is_active=True,
        user__is_staff=False,
        user__is_on_leaderboard=True,
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
