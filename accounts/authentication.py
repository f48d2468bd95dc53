"""Authentication of REST requests: by an access token, or by the desk's session cookie."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens, totp
from accounts.errors import AccessInvalid
from accounts.models import Session, User
from jobs.ledger import rows
from jobs.ledger.database import fetch

SCHEME = "Bearer"


class BearerAuthentication(BaseAuthentication):
    """Authenticate `Authorization: Bearer <access token>` while its session and user are active.

    `request.auth` is then the `accounts.models.Session`. Staff keep their rights only in a session
    in which they proved their second factor; in any other they have a citizen's. One query.
    """

    def authenticate(self, request: Request) -> tuple[User, Session] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            return None
        try:
            session, now = _session_of(token.strip().decode("ascii", "replace"))
        except AccessInvalid as error:
            raise AuthenticationFailed(str(error)) from error
        totp.limit_rights(session.user, has_second_factor=session.has_second_factor(now))
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class DeskAuthentication(SessionAuthentication):
    """Authenticate a session of the desk, if it has the second factor that the desk requires."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        user_and_auth = super().authenticate(request)
        return user_and_auth if user_and_auth and totp.is_satisfied(user_and_auth[0]) else None


#: Raw SQL, since every request runs it: building it with the ORM and planning it took half the time
#: of a small request.
_LIVE_SESSION = f"""
    SELECT statement_timestamp(), {rows.columns(Session, "s")}, {rows.columns(User, "u")}
    FROM accounts_session AS s JOIN accounts_user AS u ON u.id = s.user_id
    WHERE s.id = %s AND s.user_id = %s AND s.revoked_at IS NULL AND u.is_active
"""  # noqa: S608 - names of columns


def _session_of(token: str) -> tuple[Session, datetime]:
    """Return the live session of an access token, and the time by PostgreSQL's clock."""
    claims = tokens.read_access(token)
    live = fetch(_LIVE_SESSION, (claims.session_id, claims.user_id), is_prepared=True)
    if not live:
        raise AccessInvalid
    now, *values = live[0]
    session = rows.loaded(Session, values[: rows.width(Session)])
    user = rows.loaded(User, values[rows.width(Session) :])
    if claims.expires_at <= now or claims.issued_at < user.tokens_valid_after:
        raise AccessInvalid
    session.user = user
    return session, now
