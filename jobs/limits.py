"""Exact rate limits: one atomic statement a hit, shared by every process through PostgreSQL."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from jobs.models import RateLimit

# A window opens with its first hit. Hits past the limit stop counting at limit + 1, so no flood overflows the counter.
_HIT = """
INSERT INTO jobs_ratelimit AS held (key, hits, window_ends_at)
VALUES (%(key)s, 1, statement_timestamp() + %(period)s)
ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN held.window_ends_at <= statement_timestamp() THEN 1
                ELSE LEAST(held.hits + 1, %(limit)s + 1) END,
    window_ends_at = CASE WHEN held.window_ends_at <= statement_timestamp() THEN excluded.window_ends_at
                          ELSE held.window_ends_at END
RETURNING hits, EXTRACT(EPOCH FROM window_ends_at - statement_timestamp())
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one hit found: whether it may go on, how many more may, and the whole seconds to wait when it may not."""

    allowed: bool
    remaining: int
    retry_after: int


def hit(key: str, limit: int, period: timedelta) -> Limit:
    """Count one hit on `key`; exactly `limit` hits are allowed in a window of `period` from the first one.

    The count is committed on return, whatever becomes of the request, and its row is locked no longer than this call:
    so inside a transaction it raises RuntimeError. Call it before `transaction.atomic()` begins.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_HIT, {"key": key, "limit": limit, "period": period})
        hits, seconds_left = cursor.fetchone()
    if hits <= limit:
        return Limit(allowed=True, remaining=limit - hits, retry_after=0)
    return Limit(allowed=False, remaining=0, retry_after=max(1, math.ceil(seconds_left)))


def purge() -> int:
    """Delete the windows that have ended; return how many there were."""
    return RateLimit.objects.filter(window_ends_at__lt=Now()).delete()[0]
