"""Read the header `Retry-After` of another machine's answer (RFC 9110, section 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

#: The longest pause that is returned; the ledger may shorten it further.
LONGEST = timedelta(days=1)


class Headers(Protocol):
    """The headers of an answer, whatever library read them."""

    def get(self, name: str, /) -> str | None: ...


def retry_after(headers: Headers) -> timedelta | None:
    """Return the pause that the answer asks for, at most a day; None if it asks for none.

    A date is compared with the answer's own `Date`, so that a wrong clock of this machine does no
    harm.
    """
    text = (headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:12]), LONGEST.total_seconds()))
    until = _moment(text)
    if until is None:
        return None
    now = _moment(headers.get("Date") or "") or datetime.now(UTC)
    return min(max(until - now, timedelta()), LONGEST)


def _moment(text: str) -> datetime | None:
    """Return the time that an HTTP date names; None if the text is no date."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
