"""Bearer access tokens for the REST framework."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens
from accounts.errors import AccessInvalid
from accounts.models import Session, User

SCHEME = "Bearer"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`, honoured while its session and its user are.

    `request.auth` is then the `accounts.models.Session`. One query.
    """

    def authenticate(self, request: Request) -> tuple[User, Session] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            return None
        try:
            session = _session_of(token.strip().decode("ascii", "replace"))
        except AccessInvalid as error:
            raise AuthenticationFailed(str(error)) from error
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


def _session_of(token: str) -> Session:
    claims = tokens.read_access(token)
    session = (
        Session.objects.select_related("user")
        .filter(id=claims.session_id, user_id=claims.user_id, revoked_at=None, user__is_active=True)
        .first()
    )
    if session is None or claims.issued_at < session.user.tokens_valid_after:
        raise AccessInvalid
    return session
