"""The period of time that a job covers."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

LENGTH = timedelta(days=30)


def bounds(since: str | None, until: str | None) -> tuple[datetime, datetime]:
    """Return the beginning and the end (exclusive) of a period given in ISO 8601.

    Without `until` it ends now; without `since` it lasts `LENGTH`.
    """
    end = datetime.fromisoformat(until) if until else timezone.now()
    return datetime.fromisoformat(since) if since else end - LENGTH, end
