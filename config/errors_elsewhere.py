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
            "SENTRY_DSN is set, but sentry-sdk is not installed: run `pip install -r "
            "requirements-sentry.txt`, "
            "or unset SENTRY_DSN."
        ) from None
    try:
        sentry.init(
            dsn=dsn,
            environment=environment,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            before_send=_prepared,
        )
    except sentry.utils.BadDsn as error:
        raise ImproperlyConfigured(f"SENTRY_DSN is no address of a project: {error}") from error


def _prepared(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """Return an event without its request and user, and with secrets in its texts replaced.

    An event of structlog is named by its constant name, so that equal errors are one issue; its
    facts stand beside it.
    """
    for name in ("request", "user"):
        event.pop(name, None)
    message = getattr(hint.get("log_record"), "msg", None)
    if isinstance(message, dict):
        facts = {name: value for name, value in message.items() if not name.startswith("_")}
        event["logentry"] = {"message": str(facts.pop("event", ""))}
        event["extra"] = facts
    return dict(redact(None, "", event))
