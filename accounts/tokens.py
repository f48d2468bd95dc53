"""Access tokens: short-lived JWTs, signed with the newest key, verified with each listed one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import jwt
from django.conf import settings

from accounts.errors import AccessInvalid

ALGORITHM = "HS256"
TOKEN_TYPE = "access"  # noqa: S105 - a claim, not a secret
REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "iat", "exp", "typ"]


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """The user and the session of an access token, and its times of issue and of expiry."""

    user_id: UUID
    session_id: UUID
    issued_at: datetime
    expires_at: datetime


def issue_access(*, user_id: UUID, session_id: UUID, issued_at: datetime) -> str:
    """Return a token that is valid for `ACCESS_TOKEN_LIFETIME` from `issued_at` on.

    `issued_at` is a time by PostgreSQL's clock. `iat` keeps its fraction of a second, so that it
    can be compared with times of the database.
    """
    key_id, key = next(iter(settings.JWT_KEYS.items()))
    claims = {
        "iss": settings.JWT_AUDIENCE,
        "aud": settings.JWT_AUDIENCE,
        "typ": TOKEN_TYPE,
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": issued_at.timestamp(),
        "exp": issued_at + settings.ACCESS_TOKEN_LIFETIME,
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": key_id})


def read_access(token: str) -> AccessClaims:
    """Return the claims of a token, after checking its signature, audience and type.

    The caller compares its times with PostgreSQL's clock.

    Raises:
        AccessInvalid: one of them is wrong.
    """
    try:
        key = settings.JWT_KEYS[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=settings.JWT_AUDIENCE,
            issuer=settings.JWT_AUDIENCE,
            options={"require": REQUIRED_CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        if claims["typ"] != TOKEN_TYPE:
            raise AccessInvalid
        issued_at = datetime.fromtimestamp(claims["iat"], UTC)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return AccessClaims(UUID(claims["sub"]), UUID(claims["sid"]), issued_at, expires_at)
    except (jwt.InvalidTokenError, KeyError, ValueError, TypeError) as error:
        raise AccessInvalid from error
