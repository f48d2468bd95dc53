"""Change tasks from outside, as operators and owners of jobs do: cancel, replay and the like."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction

from jobs.ledger.database import execute, fetch
from jobs.ledger.transitions import IS_SUPERSEDED
from jobs.states import State


def cancel(task_id: UUID) -> State | None:
    """Cancel a waiting task at once; ask a running one to stop at its next check.

    Return the state after that, or None when the task does not exist or has already ended.
    """
    rows = fetch(
        """
        UPDATE jobs_task SET
            cancel_requested_at = coalesce(cancel_requested_at, statement_timestamp()),
            state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END,
            finished_at = CASE WHEN state = 'running' THEN finished_at
                          ELSE statement_timestamp() END,
            publish_at = NULL
        WHERE id = %s AND state IN ('queued', 'retrying', 'running') RETURNING state
        """,
        (task_id,),
    )
    return State(rows[0][0]) if rows else None


_REPLAY = f"""
    WITH dead AS (
        SELECT id, {IS_SUPERSEDED} AS is_superseded FROM jobs_task AS t
        WHERE id = %s AND state = ANY(%s) FOR UPDATE
    )
    UPDATE jobs_task AS t SET
        state = CASE WHEN is_superseded THEN 'cancelled' ELSE 'queued' END,
        attempt = 0, run_at = statement_timestamp(), progress = NULL, cancel_requested_at = NULL,
        publish_at = CASE WHEN NOT is_superseded THEN statement_timestamp() END,
        finished_at = CASE WHEN is_superseded THEN statement_timestamp() END
    FROM dead WHERE t.id = dead.id RETURNING t.state
"""  # noqa: S608 - constants only


def replay(task_id: UUID, *, states: Sequence[State] = (State.DEAD,)) -> State | None:
    """Give a dead task, or one in another of `states`, all its attempts again; return its state.

    It is `queued`, or `cancelled` where another task already waits under its unique key. Return
    None when the task is in none of `states`.
    """
    try:
        with transaction.atomic():
            rows = fetch(_REPLAY, (task_id, list(states)))
    except IntegrityError:  # a task with its key was queued meanwhile; now it is visible
        return replay(task_id, states=states)
    return State(rows[0][0]) if rows else None


def discard(task_id: UUID) -> bool:
    """Cancel a dead task for good; return False when it is not dead."""
    return bool(
        execute(
            "UPDATE jobs_task SET state = 'cancelled' WHERE id = %s AND state = 'dead'", (task_id,)
        )
    )


def hasten(task_id: UUID) -> bool:
    """Make a waiting task due now; return False when it does not wait."""
    sql = """
        UPDATE jobs_task SET run_at = statement_timestamp(), publish_at = statement_timestamp()
        WHERE id = %s AND state IN ('queued', 'retrying')
    """
    return bool(execute(sql, (task_id,)))
