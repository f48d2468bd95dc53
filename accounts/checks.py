"""System checks of settings that would make signing in weak or impossible."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import phonenumbers
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

#: RFC 7518 §3.2: an HS256 key has at least as many bits as the hash.
SHORTEST_JWT_KEY_BYTES = 32


@register
def check_jwt_keys(**_: Any) -> list[CheckMessage]:
    """Return an error for each JWT key that is too short."""
    code = f"import secrets; print(secrets.token_urlsafe({SHORTEST_JWT_KEY_BYTES}))"
    hint = f"Make one: python -c '{code}'."
    return [
        Error(
            f"The key {key_id!r} in JWT_KEYS is shorter than 32 bytes.",
            hint=hint,
            id="accounts.E001",
        )
        for key_id, key in settings.JWT_KEYS.items()
        if len(key.encode()) < SHORTEST_JWT_KEY_BYTES
    ]


@register
def check_countries(**_: Any) -> list[CheckMessage]:
    """Return an error for each configured country code that does not exist."""
    countries = {*settings.OTP_COUNTRIES, settings.PHONE_DEFAULT_REGION} - {""}
    hint = "OTP_COUNTRIES and PHONE_DEFAULT_REGION take ISO 3166 codes in capitals, such as US."
    return [
        Error(f"No phone numbers belong to the country {country!r}.", hint=hint, id="accounts.E002")
        for country in sorted(countries - phonenumbers.SUPPORTED_REGIONS)
    ]


@register
def check_desk_sessions(**_: Any) -> list[CheckMessage]:
    """Return an error where the limits of sessions of the desk make no sense."""
    idle, lifetime = settings.DESK_SESSION_IDLE_LIMIT, settings.DESK_SESSION_LIFETIME
    if timedelta(0) < idle <= lifetime:
        return []
    hint = "Set 0 < DESK_SESSION_IDLE_MINUTES <= 60 * DESK_SESSION_LIFETIME_HOURS."
    message = f"Sessions of the desk cannot last {idle} without use and {lifetime} in all."
    return [Error(message, hint=hint, id="accounts.E003")]
