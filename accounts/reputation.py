"""Reputation: a ledger of points, and the sum that each user carries."""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

# One statement: the entry and the sum change together or not at all, and a repeated event changes neither.
CREDIT = """
WITH entry AS (
    INSERT INTO accounts_reputationentry (id, user_id, points, event_key, reason, created_at)
    SELECT %(id)s, id, %(points)s, %(event_key)s, %(reason)s, %(now)s FROM accounts_user WHERE id = %(user_id)s
    ON CONFLICT (event_key) DO NOTHING
    RETURNING user_id, points
)
UPDATE accounts_user SET reputation = accounts_user.reputation + entry.points
FROM entry WHERE accounts_user.id = entry.user_id
"""


def credit(user_id: UUID | str, points: int, *, event_key: str, reason: str) -> bool:
    """Give the user `points` (negative ones take) for an event, once; False when it counted before or nobody is there.

    Afterwards `User.reputation` is the sum of the user's entries.
    """
    values = {
        "id": uuid7(),
        "user_id": user_id,
        "points": points,
        "event_key": event_key,
        "reason": reason,
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(CREDIT, values)
        return bool(cursor.rowcount)
