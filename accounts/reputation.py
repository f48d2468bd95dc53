"""Reputation: a ledger of points, and the sum in each user's row."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from uuid_utils.compat import uuid7

from jobs.ledger.database import execute

# It makes credits of one user wait for each other, so that the next statement, whose snapshot is
# taken after the wait, sees what was gained today.
LOCK = "SELECT FROM accounts_user WHERE id = %s FOR NO KEY UPDATE"
# The entry and the sum change together or not at all, and a repeated event changes neither. Only
# gains are capped (a loss is the least of its terms), and by the database's clock.
CREDIT = """
WITH event AS (
    SELECT coalesce(%(at)s::timestamptz, statement_timestamp()) AS at
), today AS (
    SELECT date_trunc('day', at AT TIME ZONE %(time_zone)s) AS day FROM event
), gained AS (
    SELECT coalesce(sum(points), 0) AS points FROM accounts_reputationentry, today
    WHERE user_id = %(user_id)s AND points > 0 AND created_at >= day AT TIME ZONE %(time_zone)s
        AND created_at < (day + interval '1 day') AT TIME ZONE %(time_zone)s
), entry AS (
    INSERT INTO accounts_reputationentry (id, user_id, points, event_key, reason, created_at)
    SELECT %(id)s, accounts_user.id, least(%(points)s, greatest(%(per_day)s - gained.points,
        least(%(points)s, 0))),
        %(event_key)s, %(reason)s, event.at
    FROM accounts_user, gained, event WHERE accounts_user.id = %(user_id)s
    ON CONFLICT (event_key) DO NOTHING
    RETURNING user_id, points
)
UPDATE accounts_user SET reputation = accounts_user.reputation + entry.points
FROM entry WHERE accounts_user.id = entry.user_id
"""


def credit(
    user_id: UUID | str, points: int, *, event_key: str, reason: str, at: datetime | None = None
) -> bool:
    """Add `points`, which may be negative, to the user's reputation for an event, once.

    A user gains at most REPUTATION_POINTS_PER_DAY within a day of TIME_ZONE; an event beyond that
    is entered with the points that are left, perhaps 0. `at` is the time of the event, now unless
    given. `User.reputation` stays the sum of the user's entries. Return False when the event was
    counted before or the user does not exist.
    """
    values = {
        "id": uuid7(),
        "user_id": user_id,
        "points": points,
        "event_key": event_key,
        "reason": reason,
        "at": at,
        "per_day": settings.REPUTATION_POINTS_PER_DAY,
        "time_zone": settings.TIME_ZONE,
    }
    with transaction.atomic(savepoint=False):
        execute(LOCK, (user_id,), is_prepared=True)
        return bool(execute(CREDIT, values, is_prepared=True))
