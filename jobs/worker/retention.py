"""Delete rows that are past their retention."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from jobs.execution.current import current_task
from jobs.ledger.database import execute, fetch

#: How many rows one statement deletes: few enough that no other transaction waits long for it.
PRUNE_BATCH_TASKS = 1_000

_PRUNABLE = """
    SELECT id FROM jobs_task
    WHERE (state IN ('succeeded', 'cancelled')
        AND finished_at < statement_timestamp() - %(retention)s
           OR state = 'dead' AND finished_at < statement_timestamp() - %(dead_retention)s)
    ORDER BY id
"""


def in_batches(prune: Callable[[], int]) -> dict[str, int]:
    """Call `prune` until it has nothing left to delete, inside a long task.

    `prune` deletes one batch and returns its size. Return the number of deleted rows as `pruned`.
    """
    task, pruned = current_task(), 0
    while True:
        with task.effects():
            batch = prune()
        pruned += batch
        task.progress(0.5 if batch else 1.0, "pruning", pruned=pruned)
        if not batch:
            return {"pruned": pruned}


def count_prunable() -> int:
    """Return how many ended tasks are past their retention."""
    [(count,)] = fetch(f"SELECT count(*) FROM ({_PRUNABLE}) AS past", _retentions())  # noqa: S608 - constants only
    return int(count)


def prune_tasks() -> int:
    """Delete one batch of ended tasks past their retention, with attempts; return its size."""
    ids: list[UUID] = [
        row[0]
        for row in fetch(_PRUNABLE + " LIMIT %(limit)s FOR UPDATE SKIP LOCKED", _retentions())
    ]
    execute("DELETE FROM jobs_attempt WHERE task_id = ANY(%s)", (ids,))
    return execute("DELETE FROM jobs_task WHERE id = ANY(%s)", (ids,))


def _retentions() -> dict[str, object]:
    return {
        "retention": timedelta(days=settings.JOBS_RETENTION_DAYS),
        "dead_retention": timedelta(days=settings.JOBS_DEAD_RETENTION_DAYS),
        "limit": PRUNE_BATCH_TASKS,
    }


def purge_ticks() -> int:
    """Delete ticks of the schedule past the retention of tasks, except the last of each entry."""
    newer = """
        SELECT FROM jobs_scheduletick AS newer
        WHERE newer.name = old.name AND newer.due_at > old.due_at
    """
    past = f"due_at < statement_timestamp() - %s AND EXISTS ({newer})"
    return _purge("jobs_scheduletick", past, timedelta(days=settings.JOBS_RETENTION_DAYS))


def purge_once_keys() -> int:
    """Delete the keys of `once_per` whose period is over; return how many there were."""
    return _purge("jobs_oncekey", "expires_at < statement_timestamp()")


def purge_groups() -> int:
    """Delete old groups whose callback was sent; return how many there were.

    They are kept as long as succeeded tasks.
    """
    past = "callback_task_id IS NOT NULL AND created_at < statement_timestamp() - %s"
    return _purge("jobs_taskgroup", past, timedelta(days=settings.JOBS_RETENTION_DAYS))


def purge_limits() -> int:
    """Delete the rate limits whose window has ended; return how many there were."""
    return _purge("jobs_ratelimit", "window_ends_at < statement_timestamp()")


def purge_answers() -> int:
    """Delete stored answers of requests with an Idempotency-Key; return how many there were.

    An answer is kept for IDEMPOTENCY_RETENTION_HOURS.
    """
    past = "created_at < statement_timestamp() - %s"
    return _purge(
        "jobs_idempotencykey", past, timedelta(hours=settings.IDEMPOTENCY_RETENTION_HOURS)
    )


def _purge(table: str, past: str, *parameters: object) -> int:
    """Delete the rows of a table (`old`) that meet the condition `past`; return how many.

    They are deleted in batches. Rows that another transaction has locked are left for the next
    time.
    """
    sql = f"""
        DELETE FROM {table} WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {table} AS old WHERE {past} LIMIT %s FOR UPDATE SKIP LOCKED))
    """  # noqa: S608 - names and conditions of this module
    purged = 0
    while True:
        count = execute(sql, (*parameters, PRUNE_BATCH_TASKS))
        purged += count
        if count < PRUNE_BATCH_TASKS:
            return purged
