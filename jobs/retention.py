"""Deleting what requests left behind once nobody can ask for it any more."""

from __future__ import annotations

from django.conf import settings
from django.db import connection


def purge_limits() -> int:
    """Delete the rate limits whose window has ended; return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM jobs_ratelimit WHERE window_ends_at < statement_timestamp()")
        return cursor.rowcount


def purge_answers() -> int:
    """Delete the answers kept longer than IDEMPOTENCY_RETENTION_HOURS; return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM jobs_idempotencykey WHERE created_at < statement_timestamp() - make_interval(hours => %s)",
            [settings.IDEMPOTENCY_RETENTION_HOURS],
        )
        return cursor.rowcount
