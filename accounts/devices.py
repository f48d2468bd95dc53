"""Tokens of known devices, which keep their own limits when strangers use up those of a number."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

TOKEN_MAX_CHARACTERS = 200


def issue_token(phone: str) -> str:
    """Return a token that identifies a device which signed in with `phone`.

    It does not sign anybody in; it only gives the device its own limits, for SIGN_IN_LIFETIME.
    """
    return _signer(phone).sign(secrets.token_urlsafe(12))


def known_device(token: str, phone: str) -> str:
    """Return the id of the device, or "" where the token is of another phone or has expired."""
    try:
        return _signer(phone).unsign(token, max_age=settings.SIGN_IN_LIFETIME)
    except BadSignature:
        return ""


def _signer(phone: str) -> TimestampSigner:
    return TimestampSigner(key=settings.OTP_KEY, salt=f"accounts.devices|{phone}")
