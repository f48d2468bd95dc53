"""Sessions of the desk: their resumption, and their end by revocation or by time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import audit, origins
from accounts.models import DeskSession, User

#: How exactly the last use is known: it is written at most once in this time.
USE_PRECISION = timedelta(minutes=1)
#: Sessions ended in one transaction: few enough that nobody waits behind it.
BATCH_ROWS = 1_000


def resume(key: str, *, is_attended: bool = True) -> DeskSession | None:
    """Return the live session with this key, and note its use and its client; else None.

    A session that is over its limits is deleted and recorded in the audit log. A request that is
    not `is_attended`, such as a page's own refresh, does not count as use.
    """
    sessions = DeskSession.objects.with_key(key)
    session = sessions.live().with_use_due(USE_PRECISION).first()
    if session is None:
        _expire(sessions)
    elif is_attended and session.is_use_due:
        _note_use(session)
    return session


def revoke(session: DeskSession, *, by: UUID | None, reason: str) -> bool:
    """End one session at once, and record it; return False where it had ended already.

    Call it inside a transaction.
    """
    return _end(session, "desk.session_revoked", by=by, reason=reason)


def revoke_all(user: User, *, by: UUID | None, reason: str) -> None:
    """End every session that the user has at the desk. Call it inside a transaction."""
    for session in DeskSession.objects.filter(user=user):
        revoke(session, by=by, reason=reason)


def end_expired() -> int:
    """Delete at most BATCH_ROWS sessions that are over their limits; return how many."""
    with transaction.atomic():
        oldest = DeskSession.objects.expired().order_by("pk").values("pk")[:BATCH_ROWS]
        return _expire(DeskSession.objects.filter(pk__in=oldest))


class PasswordWatch:
    """End a user's sessions of the desk when their password changes, wherever that is done.

    Django calls it as one of AUTH_PASSWORD_VALIDATORS. It accepts every password.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Accept the password."""

    def get_help_text(self) -> str:
        return ""

    def password_changed(self, password: str, user: User) -> None:
        """End the sessions; record the change where a command made it.

        The desk records its own changes, since Django does not name their author here.
        """
        if not user.replaces_password:
            return
        with transaction.atomic():
            revoke_all(user, by=None, reason="password changed")
            if not origins.is_known():
                audit.record("user.password_changed", actor_id=None, subject=f"user:{user.pk}")


def _note_use(session: DeskSession) -> None:
    """Write the time and the client of the present request, unless another request just did."""
    origin = origins.current()
    DeskSession.objects.filter(pk=session.pk, last_used_at=session.last_used_at).update(
        last_used_at=Now(), ip_address=origin.ip_address, user_agent=origin.user_agent
    )


def _expire(sessions: QuerySet[DeskSession]) -> int:
    """Delete those of the sessions that are over their limits; return how many."""
    expired = list(sessions.filter(pk__in=DeskSession.objects.expired().values("pk")))
    return sum(_end(session, "desk.session_expired", by=None) for session in expired)


def _end(session: DeskSession, event: str, *, by: UUID | None, reason: str = "") -> bool:
    """Delete the session and record why, once, although several may end it at the same time."""
    with transaction.atomic():
        deleted, _ = DeskSession.objects.filter(pk=session.pk).delete()
        if deleted and session.user_id is not None:
            data = {"user": str(session.user_id), "last_used_at": session.last_used_at.isoformat()}
            data |= {"reason": reason} if reason else {}
            subject = f"desk_session:{session.pk}"
            audit.record(event, actor_id=by, subject=subject, data=data)
    return bool(deleted)
