"""The actors of accounts: what workers do for sign-in, reputation and the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jobs
from accounts import audit, audit_chain, codes, leaderboard, reputation, retention, statistics
from accounts.serializers import LeaderboardPayloadSerializer, LeaderboardSerializer
from jobs.worker import retention as jobs_retention

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# It outlasts no outage: by then its owner has asked for another code.
@jobs.actor(
    queue_name="critical",
    kind="external",
    delivery="at_most_once",
    priority=-10,
    outlasts=timedelta(0),
)
def send_otp(challenge_id: str) -> dict[str, object]:
    """Send a one-time code, at most once.

    SMS providers do not recognise a repeated message, and the user can ask for another code.
    """
    return {"sent": codes.send_code(challenge_id, idempotency_key=str(jobs.current_task().id))}


@send_otp.record
def record_otp_sent(outcome: dict[str, object], challenge_id: str) -> None:
    if outcome["sent"]:
        codes.record_sent(challenge_id)


# Outlasts an SMS provider that is down for a day.
@jobs.actor(
    queue_name="critical",
    kind="external",
    delivery="at_least_once",
    outlasts=DAY,
    max_backoff=HOUR,
    is_sealed=True,
)
def send_phone_changed(old_phone: str, new_phone: str) -> dict[str, object]:
    """Inform the holder of an account's old number that the number was replaced."""
    key = str(jobs.current_task().id)
    codes.send_phone_changed(old_phone, new_phone, idempotency_key=key)
    return {}


# Outlasts a mail server that is down for a day.
@jobs.actor(
    queue_name="critical",
    kind="external",
    delivery="at_least_once",
    outlasts=DAY,
    max_backoff=HOUR,
    is_sealed=True,
)
def send_email_changed(old_email: str) -> dict[str, object]:
    """Inform a verified email address that its account uses it no more."""
    codes.send_email_changed(old_email, idempotency_key=str(jobs.current_task().id))
    return {}


# It needs nothing but our own database.
@jobs.actor(queue_name="default", outlasts=HOUR)
def credit_reputation(
    user_id: str, points: int, event_key: str, reason: str, at: str | None = None
) -> None:
    """Credit a user for an event, once; `at` (ISO 8601) is the time of a past event."""
    happened_at = datetime.fromisoformat(at) if at else None
    reputation.credit(user_id, points, event_key=event_key, reason=reason, at=happened_at)


# It needs nothing but our own database.
@jobs.actor(queue_name="default", outlasts=HOUR)
def record_audit_event(
    event: str, actor_id: str | None, subject: str, data: dict[str, Any]
) -> None:
    """Write an event into the audit log that need not be in the request's transaction."""
    audit.record(event, actor_id=UUID(actor_id) if actor_id else None, subject=subject, data=data)


# It needs nothing but our own database; the next tick seals what this one left.
@jobs.actor(queue_name="maintenance", outlasts=HOUR)
def seal_audit_events() -> None:
    """Seal the audit events that no seal holds yet."""
    audit_chain.seal()


# Outlasts a disk that is full for a while; the next tick exports a later head.
@jobs.actor(queue_name="maintenance", kind="external", delivery="at_least_once", outlasts=HOUR)
def export_audit_head() -> dict[str, object]:
    """Write the audit chain's head to a file that the database's owner cannot change.

    Repeated, it writes nothing new.
    """
    newest = audit_chain.export_head()
    return {"sequence": newest.sequence if newest else 0}


# The next night's round deletes what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def prune_sign_ins() -> dict[str, int]:
    """Delete old codes, tokens, sessions and failed sign-ins; return the number as `pruned`.

    `accounts.retention.prune` says how old each kind must be. Each batch is a transaction of its
    own.
    """
    return jobs_retention.in_batches(retention.prune)


# It needs nothing but our own database.
@jobs.actor(queue_name="analytics", outlasts=HOUR)
def count_login(session_id: str) -> None:
    """Count one login in the statistics of its day."""
    statistics.count_login(session_id)


@jobs.job_type(
    "accounts.leaderboard", payload=LeaderboardPayloadSerializer, result=LeaderboardSerializer
)
# It outlasts no outage: a person waits, and can start it again.
@jobs.actor(queue_name="analytics", kind="long", outlasts=timedelta(seconds=1))
def rank_citizens(**payload: Any) -> dict[str, Any]:
    """Rank the citizens who gained most reputation within a period, by display name."""
    jobs.current_task().progress(0.1, "adding up")
    return {"places": leaderboard.top_citizens(**payload)}
