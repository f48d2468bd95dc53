"""The period that a job looks at."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

LENGTH = timedelta(days=30)


def bounds(since: str | None, until: str | None) -> tuple[datetime, datetime]:
    """From when, and until before when (ISO 8601): it ends now and lasts `LENGTH` where it is not
    said.
    """
    end = datetime.fromisoformat(until) if until else timezone.now()
    return datetime.fromisoformat(since) if since else end - LENGTH, end
