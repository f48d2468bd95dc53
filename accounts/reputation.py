"""Reputation: a ledger of points, and the sum in each user's row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from uuid_utils.compat import uuid7

from jobs.ledger import together
from jobs.ledger.database import execute
from jobs.ledger.together import Part, named

#: Makes credits of one user wait for each other, so that the next statement, whose snapshot is
#: taken after the wait, sees what was gained today.
LOCK = "SELECT FROM accounts_user WHERE id = %s FOR NO KEY UPDATE"
# The entry and the sum change together or not at all, and a repeated event changes neither. Only
# gains are capped (a loss is the least of its terms), and by the database's clock.
_EVENT = "SELECT coalesce(%(at)s::timestamptz, statement_timestamp()) AS at"
_TODAY = "SELECT date_trunc('day', at AT TIME ZONE %(time_zone)s) AS day FROM credited_event"
_GAINED = """
    SELECT coalesce(sum(points), 0) AS points FROM accounts_reputationentry, credited_day
    WHERE user_id = %(user_id)s AND points > 0 AND created_at >= day AT TIME ZONE %(time_zone)s
        AND created_at < (day + interval '1 day') AT TIME ZONE %(time_zone)s
"""
_ENTRY = """
    INSERT INTO accounts_reputationentry (id, user_id, points, event_key, reason, created_at)
    SELECT %(id)s, accounts_user.id, least(%(points)s, greatest(%(per_day)s - gained.points,
        least(%(points)s, 0))),
        %(event_key)s, %(reason)s, event.at
    FROM accounts_user, credited_before AS gained, credited_event AS event
    WHERE accounts_user.id = %(user_id)s
    ON CONFLICT (event_key) DO NOTHING
    RETURNING user_id, points
"""
_SUM = """
    UPDATE accounts_user SET reputation = accounts_user.reputation + entry.points
    FROM credited_entry AS entry WHERE accounts_user.id = entry.user_id
"""
_STEPS = {
    "credited_event": _EVENT,
    "credited_day": _TODAY,
    "credited_before": _GAINED,
    "credited_entry": _ENTRY,
}


def credit(
    user_id: UUID | str, points: int, *, event_key: str, reason: str, at: datetime | None = None
) -> bool:
    """Add `points`, which may be negative, to the user's reputation for an event, once.

    A user gains at most REPUTATION_POINTS_PER_DAY within a day of TIME_ZONE; an event beyond that
    is entered with the points that are left, perhaps 0. `at` is the time of the event, now unless
    given. `User.reputation` stays the sum of the user's entries. Return False when the event was
    counted before or the user does not exist.
    """
    credited: list[bool] = []
    with transaction.atomic(savepoint=False):
        lock(user_id)
        part = _part(user_id, points, event_key=event_key, reason=reason, at=at)
        together.send_now(replace(part, then=lambda stored: credited.append(stored is not None)))
    return credited[0]


def lock(user_id: UUID | str) -> None:
    """Make other credits of this user wait until the present transaction ends."""
    execute(LOCK, (user_id,), is_prepared=True)


def credit_together(user_id: UUID, points: int, *, event_key: str, reason: str) -> None:
    """Do as `credit`, with the other parts of a `together` block, for a user locked before it.

    The lock is that of `LOCK`, taken by an earlier statement of the transaction.
    """
    together.send(_part(user_id, points, event_key=event_key, reason=reason))


def _part(
    user_id: UUID | str, points: int, *, event_key: str, reason: str, at: datetime | None = None
) -> Part:
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
    queries, parameters = [], []
    for name, sql in _STEPS.items():
        text, used = named(sql, values)
        queries.append((name, text))
        parameters += used
    text, used = named(_SUM, values)
    return Part(text, parameters + used, queries=tuple(queries))
