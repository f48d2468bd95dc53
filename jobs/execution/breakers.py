"""Circuit breakers: stop calling an outside service that is down. All processes share their state.

After FAILURES failures in a row a breaker opens. While it is open, tasks that need the service are
put off without using an attempt; only one call at a time goes through as a probe. A successful
probe closes the breaker; a failed one doubles the wait until the next. Each service has one row.
Source: M. Nygard, "Release It!", 2nd edition, 2018, "Circuit Breaker".
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

import structlog

from jobs.errors import Postponed
from jobs.ledger.database import execute, fetch

log = structlog.get_logger(__name__)

#: This many failures in a row open a breaker.
FAILURES = 5
#: From the opening to the first probe, and the longest wait for a later one.
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=5)
#: How long to wait for the outcome of a probe, whose process may have died, before the next one.
PROBE_TIME = timedelta(seconds=60)
#: The longest pause that is kept to when the service itself asks for one.
LONGEST_PAUSE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to call the service `name` once; `is_probe` while its breaker is open."""

    name: str
    is_probe: bool = False


def admit(name: str) -> Permit:
    """Return the permission to call the service `name`.

    Raises:
        Postponed: its breaker is open and no probe is due. The delay is the time until the next
            probe plus a random part of twice the wait, so that postponed tasks return spread out.
    """
    rows = fetch(
        """
        SELECT greatest(EXTRACT(EPOCH FROM probe_at - statement_timestamp()), 0)::float8,
            wait_seconds
        FROM jobs_breaker WHERE name = %s AND opened_at IS NOT NULL
        """,
        (name,),
        is_prepared=True,
    )
    if not rows:
        return Permit(name)
    if _take_probe(name):
        return Permit(name, is_probe=True)
    [(remaining, wait)] = rows
    seconds = max(remaining, 1.0) + 2 * wait * random.random()  # noqa: S311 - spreads the load
    raise Postponed(f"The breaker of {name} is open.", delay=timedelta(seconds=seconds))


def _take_probe(name: str) -> bool:
    """Claim the next probe of an open breaker for this call; return whether it got it.

    Of all callers one gets it, at most once every PROBE_TIME.
    """
    sql = """
        UPDATE jobs_breaker SET probe_at = statement_timestamp() + %s
        WHERE name = %s AND opened_at IS NOT NULL AND probe_at <= statement_timestamp()
    """
    return bool(execute(sql, (PROBE_TIME, name)))


def succeeded(permit: Permit) -> None:
    """Close the breaker, since the service has answered."""
    sql = """
        UPDATE jobs_breaker SET failures = 0, opened_at = NULL, probe_at = NULL, wait_seconds = 0,
            changed_at = statement_timestamp()
        WHERE name = %s AND (failures > 0 OR opened_at IS NOT NULL) RETURNING opened_at
    """
    if fetch(sql, (permit.name,), is_prepared=True):
        log.info("jobs.breaker_closed", breaker=permit.name)


_FAILED = """
INSERT INTO jobs_breaker AS b (name, failures, last_error, wait_seconds, opened_at, probe_at,
    changed_at)
VALUES (%(name)s, 1, %(error)s, CASE WHEN %(opens)s THEN %(wait)s ELSE 0 END,
        CASE WHEN %(opens)s THEN statement_timestamp() END,
        CASE WHEN %(opens)s THEN statement_timestamp() + greatest(make_interval(secs => %(wait)s),
            %(pause)s) END,
        statement_timestamp())
ON CONFLICT (name) DO UPDATE SET
    failures = least(b.failures + 1, 1000000), last_error = excluded.last_error,
    opened_at = coalesce(b.opened_at,
        CASE WHEN %(opens)s OR b.failures + 1 >= %(limit)s THEN statement_timestamp() END),
    wait_seconds = CASE
        WHEN b.opened_at IS NOT NULL AND %(is_probe)s THEN least(b.wait_seconds * 2, %(longest)s)
        WHEN b.opened_at IS NOT NULL THEN b.wait_seconds
        WHEN %(opens)s OR b.failures + 1 >= %(limit)s THEN %(wait)s ELSE 0 END,
    probe_at = CASE
        WHEN b.opened_at IS NOT NULL AND %(is_probe)s THEN statement_timestamp()
            + greatest(make_interval(secs => least(b.wait_seconds * 2, %(longest)s)), %(pause)s)
        WHEN b.opened_at IS NOT NULL THEN greatest(b.probe_at, statement_timestamp() + %(pause)s)
        WHEN %(opens)s OR b.failures + 1 >= %(limit)s
            THEN statement_timestamp() + greatest(make_interval(secs => %(wait)s), %(pause)s) END,
    changed_at = statement_timestamp()
RETURNING opened_at = statement_timestamp()
"""


def failed(permit: Permit, error: str, *, retry_after: timedelta | None = None) -> None:
    """Count a failed call, and open the breaker after FAILURES of them.

    If the service asked for a pause (`retry_after`), its breaker opens at once.
    """
    parameters = {
        "name": permit.name,
        "error": error[:500],
        "is_probe": permit.is_probe,
        "opens": retry_after is not None,
        "pause": min(retry_after or timedelta(), LONGEST_PAUSE),
        "wait": FIRST_WAIT.total_seconds(),
        "longest": LONGEST_WAIT.total_seconds(),
        "limit": FAILURES,
    }
    [(is_new,)] = fetch(_FAILED, parameters)
    if is_new:
        log.warning("jobs.breaker_opened", breaker=permit.name)


def close(name: str) -> bool:
    """Close a breaker without a probe; return False when it is closed already."""
    sql = """
        UPDATE jobs_breaker SET failures = 0, opened_at = NULL, probe_at = NULL, wait_seconds = 0,
            changed_at = statement_timestamp() WHERE name = %s AND opened_at IS NOT NULL
    """
    return bool(execute(sql, (name,)))


def open_seconds() -> dict[str, float]:
    """Return for each breaker how long it has been open in seconds; 0 for a closed one."""
    rows = fetch(
        "SELECT name, coalesce(EXTRACT(EPOCH FROM statement_timestamp() - opened_at), 0)::float8"
        " FROM jobs_breaker ORDER BY name",
        (),
    )
    return dict(rows)
