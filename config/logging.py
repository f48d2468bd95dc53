"""The log: structlog's events and the libraries' records in one format.

It is JSON in production and text in development.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

#: Keys whose values are never logged, also as the last word of a longer key (`user_phone`).
_SECRET_KEY = re.compile(
    r"(^|[_-])(phone|email|recipient|otp|token|password|secret|authorization|cookie|access|refresh)$|^(otp_)?code$",
    re.IGNORECASE,
)
#: Telephone numbers in E.164, email addresses and JSON Web Tokens inside a text. The repetitions
#: are bounded, since a long search would stop the whole process meanwhile.
_SECRET_TEXT = re.compile(
    r"\+\d{8,15}\b|[\w.+-]{1,64}@[\w-]+\.[\w.-]+|\beyJ[\w-]{1,1000}\.[\w-]+\.[\w-]+"
)


def configuration(*, level: str, as_json: bool) -> dict[str, Any]:
    """Configure structlog and return Django's LOGGING, which sends everything to standard error."""
    shared = _shared_processors()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_rendering(as_json=as_json),
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"events": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "events"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True, "level": level},
            # `request_finished` logs each request already, without the query.
            "django.server": {"handlers": [], "propagate": False},
            # Only crashes: a 4xx is the fault of the client.
            "django.request": {"level": "ERROR"},
            # pika logs each outage at length; the publisher and the consumers log one event
            # instead.
            "pika": {"level": "CRITICAL"},
        },
    }


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace secrets in an event, found by a key's name or by a pattern in a text.

    A processor of structlog.
    """
    return {key: _without_secrets(key, value) for key, value in event.items()}


def _without_secrets(key: str, value: Any) -> Any:
    if value is not None and _SECRET_KEY.search(key):
        return REDACTED
    if isinstance(value, str):
        return _SECRET_TEXT.sub(REDACTED, value)
    if isinstance(value, Mapping):
        return {name: _without_secrets(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)) and not key.startswith("_"):
        return [_without_secrets("", inner) for inner in value]
    return value


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact,
    ]


def _rendering(*, as_json: bool) -> list[Processor]:
    if as_json:
        return [structlog.processors.JSONRenderer()]
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
