"""Reports of errors to Sentry, or to a server with its protocol, such as GlitchTip."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.logging import redact


def start(dsn: str, environment: str) -> None:
    """Report from now on every event that is logged as an error.

    Reports hold no personal data: no bodies, headers, users or local variables.

    Raises:
        ImproperlyConfigured: sentry-sdk is not installed, or the DSN is invalid.
    """
    try:
        sentry = import_module("sentry_sdk")
    except ModuleNotFoundError:
        raise ImproperlyConfigured(
            "SENTRY_DSN is set, but sentry-sdk is not installed: run `pip install sentry-sdk`, "
            "or unset SENTRY_DSN."
        ) from None
    try:
        sentry.init(
            dsn=dsn,
            environment=environment,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            before_send=_without_secrets,
        )
    except sentry.utils.BadDsn as error:
        raise ImproperlyConfigured(f"SENTRY_DSN is no address of a project: {error}") from error


def _without_secrets(event: dict[str, Any], _hint: Any) -> dict[str, Any]:
    """Return the event without request and user, and with secrets in its texts replaced."""
    for name in ("request", "user"):
        event.pop(name, None)
    return dict(redact(None, "", event))
