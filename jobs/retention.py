"""Deleting what requests left behind once nobody can ask for it any more."""

from __future__ import annotations

from django.conf import settings

from jobs.database import execute


def purge_limits() -> int:
    """Delete the rate limits whose window has ended; return how many there were."""
    return execute("DELETE FROM jobs_ratelimit WHERE window_ends_at < statement_timestamp()", ())


def purge_answers() -> int:
    """Delete the answers kept longer than IDEMPOTENCY_RETENTION_HOURS; return how many there were."""
    return execute(
        "DELETE FROM jobs_idempotencykey WHERE created_at < statement_timestamp() - make_interval(hours => %s)",
        (settings.IDEMPOTENCY_RETENTION_HOURS,),
    )
