"""The tracking token of an anonymous report, of which only a hash is stored."""

from __future__ import annotations

import hashlib
import secrets


def hash_tracking_token(token: str) -> str:
    """Return the SHA-256 of the token as 64 hexadecimal digits.

    The token has 256 random bits, so a plain hash is enough.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_tracking_token() -> str:
    return secrets.token_urlsafe(32)
