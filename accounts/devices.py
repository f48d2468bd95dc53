"""Devices known from before: what lets a phone's owner past limits that strangers used up."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner

TOKEN_MAX_CHARACTERS = 200


def issue_token(phone: str) -> str:
    """Return a token by which a device that signed in with `phone` is known again.

    It opens nothing: it only gives the device limits of its own, for SIGN_IN_LIFETIME.
    """
    return _signer(phone).sign(secrets.token_urlsafe(12))


def known_device(token: str, phone: str) -> str:
    """Return the id of the device, or nothing where the token is not of this phone or is old."""
    try:
        return _signer(phone).unsign(token, max_age=settings.SIGN_IN_LIFETIME)
    except BadSignature:
        return ""


def _signer(phone: str) -> TimestampSigner:
    return TimestampSigner(key=settings.OTP_KEY, salt=f"accounts.devices|{phone}")
