"""Sessions: their begin, the rotation of their refresh tokens, and their end.

A refresh token is 256 opaque bits, of which the database knows the SHA-256. Its successor is an
HMAC of it, so the answer to a refresh can be given again while the grace lasts, without being
stored (RFC 9700 §4.14.2). All times are PostgreSQL's clock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts import audit, tokens
from accounts.desk import sessions as desk_sessions
from accounts.errors import RefreshInvalid
from accounts.models import RefreshToken, Session, User
from accounts.origins import Origin
from jobs.ledger import database

#: How often the session of a browser is prolonged at most.
PROLONGATION = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Both tokens of a client, and the seconds for which the access token is valid."""

    access: str
    refresh: str
    expires_in: int


def begin(user: User, origin: Origin) -> tuple[Session, TokenPair]:
    """Begin a session; return it with its first tokens. Call it inside a transaction."""
    session = Session.objects.create(
        user=user,
        user_agent=origin.user_agent,
        ip_address=origin.ip_address,
        expires_at=Now() + settings.REFRESH_TOKEN_LIFETIME,
    )
    now = session.created_at
    session.expires_at = now + settings.REFRESH_TOKEN_LIFETIME
    refresh = secrets.token_urlsafe(32)
    RefreshToken.objects.create(
        session=session, digest=_digest(refresh), created_at=now, expires_at=session.expires_at
    )
    return session, _pair(session, refresh, now)


def rotate(refresh: str) -> TokenPair:
    """Exchange a refresh token for its one successor and a new access token.

    The same token may be repeated for `REFRESH_GRACE` while its successor is unused; any later use
    revokes the whole session, since one of the two holders has stolen it.

    Raises:
        RefreshInvalid: the token cannot be exchanged; a revocation is committed before.
    """
    with transaction.atomic():
        pair = _rotate(refresh)
    if pair is None:
        raise RefreshInvalid
    return pair


def resume(refresh: str) -> Session | None:
    """Return the live session of a browser, which keeps a refresh token as its cookie.

    Such a token is not exchanged: each use prolongs it, and its session, at most to
    SIGN_IN_LIFETIME. Return None where the session has ended or the token was exchanged.
    """
    tokens_of_session = RefreshToken.objects.select_related("session__user").annotate(now=Now())
    token = tokens_of_session.filter(digest=_digest(refresh), rotated_at=None).first()
    if token is None or token.expires_at <= token.now or not _is_honoured(token, token.now):
        return None
    if token.now - token.session.refreshed_at > PROLONGATION:
        _prolong(token, token.now)
    return token.session


def end(refresh: str) -> None:
    """Revoke the session of a refresh token, however old; do nothing for an unknown token."""
    with transaction.atomic():
        session = Session.objects.filter(refresh_tokens__digest=_digest(refresh)).first()
        if session is not None:
            revoke(session, by=session.user_id, reason="signed out")


def revoke(session: Session, *, by: UUID | None, reason: str) -> None:
    """End one session and its access tokens at once, and record it in the audit log.

    Call it inside a transaction.
    """
    if Session.objects.filter(id=session.id, revoked_at=None).update(revoked_at=Now()):
        audit.record(
            "session.revoked", actor_id=by, subject=f"session:{session.id}", data={"reason": reason}
        )


def revoke_own(user: User, session_id: UUID) -> bool:
    """End one of the user's own sessions; return False when the user has no such live session."""
    with transaction.atomic():
        session = Session.objects.filter(id=session_id, user=user, revoked_at=None).first()
        if session is not None:
            revoke(session, by=user.id, reason="ended by the user")
    return session is not None


def disable(user: User, *, by: UUID | None) -> None:
    """Disable the user: nobody can sign in as them, and every token issued so far is refused."""
    with transaction.atomic():
        now = database.now()
        User.objects.filter(id=user.id).update(is_active=False, tokens_valid_after=now)
        Session.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
        desk_sessions.revoke_all(user, by=by, reason="user disabled")
        audit.record("user.disabled", actor_id=by, subject=f"user:{user.id}")


def enable(user: User, *, by: UUID | None) -> None:
    """Let the user sign in again; sessions that began before stay refused."""
    with transaction.atomic():
        User.objects.filter(id=user.id).update(is_active=True, tokens_valid_after=Now())
        audit.record("user.enabled", actor_id=by, subject=f"user:{user.id}")


def _rotate(refresh: str) -> TokenPair | None:
    now, digest = database.now(), _digest(refresh)
    won = RefreshToken.objects.filter(digest=digest, rotated_at=None, expires_at__gt=now).update(
        rotated_at=now
    )
    token = RefreshToken.objects.select_related("session__user").filter(digest=digest).first()
    if token is None or not _is_honoured(token, now):
        return None
    successor = _successor(refresh)
    if won:
        _store_successor(token.session, successor, now)
    elif not _may_repeat(token, successor, now):
        _revoke_reused(token)
        return None
    return _pair(token.session, successor, now)


def _is_honoured(token: RefreshToken, now: datetime) -> bool:
    session = token.session
    return (
        session.is_live(now)
        and session.user.is_active
        and token.created_at >= session.user.tokens_valid_after
    )


def _prolong(token: RefreshToken, now: datetime) -> None:
    expires_at = _expiry(token.session, now)
    with transaction.atomic():
        if RefreshToken.objects.filter(pk=token.pk, rotated_at=None).update(expires_at=expires_at):
            Session.objects.filter(pk=token.session_id).update(
                refreshed_at=now, expires_at=expires_at
            )


def _expiry(session: Session, now: datetime) -> datetime:
    """Return when a token that is issued or used now ends."""
    return min(
        now + settings.REFRESH_TOKEN_LIFETIME, session.created_at + settings.SIGN_IN_LIFETIME
    )


def _store_successor(session: Session, successor: str, now: datetime) -> None:
    expires_at = _expiry(session, now)
    RefreshToken.objects.create(
        session=session, digest=_digest(successor), created_at=now, expires_at=expires_at
    )
    session.refreshed_at, session.expires_at = now, expires_at
    session.save(update_fields=["refreshed_at", "expires_at"])


def _may_repeat(token: RefreshToken, successor: str, now: datetime) -> bool:
    """Return whether the last answer may be repeated: it is recent, and its token is unused."""
    if token.rotated_at is None or now - token.rotated_at > settings.REFRESH_GRACE:
        return False
    return RefreshToken.objects.filter(digest=_digest(successor), rotated_at=None).exists()


def _revoke_reused(token: RefreshToken) -> None:
    """Revoke the session if the token was exchanged before; one that merely expired is no theft."""
    if token.rotated_at is not None:
        revoke(token.session, by=None, reason="refresh token used twice")


def _pair(session: Session, refresh: str, now: datetime) -> TokenPair:
    access = tokens.issue_access(user_id=session.user_id, session_id=session.id, issued_at=now)
    return TokenPair(access, refresh, int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()))


def _digest(refresh: str) -> bytes:
    return hashlib.sha256(refresh.encode(errors="surrogatepass")).digest()


def _successor(refresh: str) -> str:
    digest = hmac.digest(settings.REFRESH_KEY.encode(), refresh.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
