"""The period of time that a job covers."""

from __future__ import annotations

from datetime import datetime, timedelta

LENGTH = timedelta(days=30)


def bounds(since: str | None, until: str | None, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the beginning (inclusive) and the end (exclusive) of the period that a job covers.

    Both are given in ISO 8601. Without `until` the period ends `now`; without `since` it begins
    `LENGTH` before its end. Their order is not checked, and a text without an offset from UTC gives
    a naive time.

    Raises:
        ValueError: a text is not in ISO 8601.
    """
    end = datetime.fromisoformat(until) if until else now
    return datetime.fromisoformat(since) if since else end - LENGTH, end
