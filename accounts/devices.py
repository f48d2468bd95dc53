"""Devices and networks known from earlier sign-ins with a number.

They keep limits of their own when strangers use up those of the number.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.db.models.functions import Now

from accounts.models import Session
from accounts.origins import Origin

TOKEN_MAX_CHARACTERS = 200
#: Sessions that are looked at for their networks, newest first.
RECENT_SESSIONS = 20


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


def is_known_network(phone: str, origin: Origin) -> bool:
    """Return whether a session that still lives began in this network with this number."""
    sessions = Session.objects.filter(
        user__phone=phone, revoked_at=None, expires_at__gt=Now(), ip_address__isnull=False
    )
    addresses = sessions.order_by("-created_at").values_list("ip_address", flat=True)
    networks = {Origin(address).network for address in addresses[:RECENT_SESSIONS]}
    return origin.network in networks


def _signer(phone: str) -> TimestampSigner:
    return TimestampSigner(key=settings.OTP_KEY, salt=f"accounts.devices|{phone}")
