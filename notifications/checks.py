"""System checks of the settings without which no message could be sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.http.request import validate_host


@register
def check_providers(**_: Any) -> list[CheckMessage]:
    """Check, unless DEBUG is on, that email and SMS can be sent and that links in messages work."""
    if settings.DEBUG:
        return []
    return [*_check_email(), *_check_sms(), *_check_links()]


def _check_email() -> list[CheckMessage]:
    if settings.EMAIL_URL:
        return []
    hint = "Set EMAIL_URL, such as smtp+tls://user:password@mail.example.org:587."
    return [
        Error("EMAIL_URL is not set, so no email can be sent.", hint=hint, id="notifications.E001")
    ]


def _check_sms() -> list[CheckMessage]:
    if not settings.SMS_PROVIDER_URL:
        hint = (
            "Set SMS_PROVIDER_URL to the address that takes POST {to, body}, and "
            "SMS_PROVIDER_TOKEN; "
            "citizens sign in by SMS."
        )
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


def _check_links() -> list[CheckMessage]:
    try:
        url = urlsplit(settings.PUBLIC_URL)
        host = url.hostname or ""
    except ValueError:
        url, host = urlsplit(""), ""
    is_local = host in {"localhost", "127.0.0.1", "::1"}
    is_secure = url.scheme == "https" or (url.scheme == "http" and is_local)
    if not host or not is_secure or url.path or url.query or url.fragment or url.username:
        hint = "Set PUBLIC_URL to the address people use, such as https://city.example.org."
        message = "PUBLIC_URL is no https:// address of a host, so messages have no link."
        return [Error(message, hint=hint, id="notifications.E004")]
    if not validate_host(host, settings.ALLOWED_HOSTS):
        hint = f"Add {host} to ALLOWED_HOSTS, or correct PUBLIC_URL."
        message = (
            "ALLOWED_HOSTS lacks the host of PUBLIC_URL, so links of messages would be refused."
        )
        return [Error(message, hint=hint, id="notifications.E005")]
    return []
