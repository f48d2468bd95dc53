"""Settings without which nobody would hear of anything."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register
def check_providers(**_: Any) -> list[CheckMessage]:
    """Outside DEBUG, email and SMS have a way out."""
    if settings.DEBUG:
        return []
    return [*_check_email(), *_check_sms()]


def _check_email() -> list[CheckMessage]:
    if settings.EMAIL_URL:
        return []
    hint = "Set EMAIL_URL, such as smtp+tls://user:password@mail.example.org:587."
    return [
        Error("EMAIL_URL is not set, so no email can be sent.", hint=hint, id="notifications.E001")
    ]


def _check_sms() -> list[CheckMessage]:
    if not settings.SMS_PROVIDER_URL:
        hint = "Set SMS_PROVIDER_URL to where {to, body} is posted, and SMS_PROVIDER_TOKEN; citizens sign in by SMS."
        return [
            Error(
                "SMS_PROVIDER_URL is not set, so nobody can sign in.",
                hint=hint,
                id="notifications.E002",
            )
        ]
    if not settings.SMS_PROVIDER_URL.startswith(
        ("https://", "http://127.0.0.1", "http://localhost")
    ):
        hint = (
            "The request carries one-time codes: use https:// for any provider on another machine."
        )
        return [
            Error("SMS_PROVIDER_URL is not an https:// URL.", hint=hint, id="notifications.E003")
        ]
    return []
