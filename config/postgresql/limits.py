"""The time limit of statements, which the environment may give in one of two units."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

#: A shorter limit would end every statement; it was probably meant in seconds.
MILLISECONDS_MINIMUM = 1000
#: PostgreSQL's timeouts are whole milliseconds.
SECONDS_MAX = 2_147_483


def seconds(text: str, *, milliseconds: str, default: float) -> float:
    """Return the limit in seconds; both texts may be empty, and 0 is no limit.

    Raises:
        ImproperlyConfigured: both are given, one is no number, or the milliseconds were meant as
            seconds.
    """
    if text and milliseconds:
        raise ImproperlyConfigured(
            "Set DB_STATEMENT_TIMEOUT_SECONDS or DB_STATEMENT_TIMEOUT (milliseconds), not both."
        )
    try:
        limit = float(milliseconds) / 1000 if milliseconds else float(text or default)
    except ValueError as error:
        raise ImproperlyConfigured(f"DB_STATEMENT_TIMEOUT: {error}.") from error
    if limit < 0 or (milliseconds and 0 < float(milliseconds) < MILLISECONDS_MINIMUM):
        raise ImproperlyConfigured(
            f"DB_STATEMENT_TIMEOUT={milliseconds or text} would end every statement: it counts "
            f"milliseconds. DB_STATEMENT_TIMEOUT_SECONDS counts seconds."
        )
    if not limit <= SECONDS_MAX:
        raise ImproperlyConfigured(
            f"DB_STATEMENT_TIMEOUT_SECONDS must be a number from 0 to {SECONDS_MAX:,}."
        )
    return limit
