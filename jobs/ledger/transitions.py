"""The state machine of tasks: one SQL statement for each change of state.

Each statement checks that the change is still allowed; one that comes too late changes nothing and
says so. Times are `statement_timestamp()`, PostgreSQL's clock, so that a worker with a wrong clock
does no harm. docs/task-lifecycle.md draws the changes; the first one, into the ledger, is in
`jobs.ledger.outbox`, and those that people ask for are in `jobs.ledger.interventions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from psycopg.types.json import Jsonb

from jobs import sealing
from jobs.errors import LeaseLost
from jobs.ledger import together
from jobs.ledger.database import execute, fetch
from jobs.ledger.storable import as_jsonb, as_text
from jobs.ledger.together import Part, Values
from jobs.states import State
from jobs.urgency import Urgency


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a task once, proven by `token`; `attempt` counts from 1."""

    id: UUID
    token: UUID
    actor: str
    queue: str
    args: list[Any]
    kwargs: dict[str, Any]
    attempt: int
    max_attempts: int
    checkpoint: Any
    unique_key: str | None
    created_by: UUID | None
    request_id: str
    trace_context: dict[str, str] | None
    group_id: UUID | None
    sealed_args: bytes | None
    urgency: Urgency

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional and the named arguments with which to call the actor.

        Raises:
            SealBroken: the arguments are sealed and none of JOBS_SEAL_KEYS opens them.
        """
        if self.sealed_args is None:
            return self.args, self.kwargs
        opened = sealing.unseal(self.sealed_args)
        return opened["args"], opened["kwargs"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed, as the attempt's row keeps it."""

    error_type: str
    error: str
    traceback: str = ""


#: Conditions on a task found by its id. IS TRUE keeps the planner on the primary key: its
#: statistics say that hardly any task runs or waits, so it would rather read the whole index of
#: those, which is full of dead entries.
IS_RUNNING = "(state = 'running') IS TRUE"


IS_WAITING = "(state IN ('queued', 'retrying')) IS TRUE"


#: The fields of a `Claim` after its id and its token, in that order.
CLAIM_COLUMNS = """
    actor, queue, args, kwargs, attempt, max_attempts, checkpoint, unique_key, created_by,
    request_id, trace_context, group_id, sealed_args, urgency
"""


#: The columns that a claim reads. The last one decides whether its commit waits for the disk.
_CLAIMED = f"{CLAIM_COLUMNS}, set_config('synchronous_commit', %(commit)s, true)"


_OWN = """
    UPDATE jobs_task SET state = 'running', attempt = attempt + (state <> 'running')::int,
           claim_token = %(token)s, worker_id = %(worker)s, started_at = statement_timestamp(),
           publish_at = NULL, progress = NULL
"""


#: Due, and not too late.
MAY_START = """
    state IN ('queued', 'retrying') AND run_at <= statement_timestamp()
    AND (deadline_at IS NULL OR deadline_at > statement_timestamp())
"""


#: In a queue with a rate, a task starts only after the relay has handed it on: the relay keeps to
#: the rate.
_QUEUE_PERMITS = """
    NOT EXISTS (
        SELECT FROM jobs_queue AS q WHERE q.name = jobs_task.queue AND (
            q.paused_at IS NOT NULL
            OR q.rate_per_minute IS NOT NULL AND jobs_task.published_at IS NULL))
"""


_CLAIM = f"""
    {_OWN}
    WHERE id = %(id)s AND (
        {MAY_START} AND limit_key IS NULL AND {_QUEUE_PERMITS}
        OR state = 'running' AND claim_token = %(token)s)
    RETURNING {_CLAIMED}
"""


def claim(task_id: UUID, worker_id: UUID, token: UUID, *, is_durable: bool = False) -> Claim | None:
    """Claim a due task for one attempt; return None when it may not run now or another owns it.

    Repeating a claim with its own token gives the same claim, so that a lost answer costs nothing.
    Unless `is_durable`, the commit does not wait for the disk: if PostgreSQL crashes, the task
    merely waits again, and the completion that follows is always durable.
    """
    parameters = {
        "id": task_id,
        "token": token,
        "worker": worker_id,
        "commit": "on" if is_durable else "off",
    }
    rows = fetch(_CLAIM, parameters, is_prepared=True)
    return Claim(task_id, token, *rows[0][:-1]) if rows else None


_CLAIM_MANY = f"""
    {_OWN}
    WHERE id = ANY(%(ids)s) AND ({MAY_START}) IS TRUE AND limit_key IS NULL AND NOT EXISTS (
        SELECT FROM jobs_queue AS q WHERE q.name = jobs_task.queue
          AND (q.paused_at IS NOT NULL OR q.rate_per_minute IS NOT NULL))
    RETURNING id, {_CLAIMED}
"""


def claim_many(
    task_ids: Sequence[UUID], worker_id: UUID, token: UUID, *, is_durable: bool = False
) -> list[Claim]:
    """Claim those of `task_ids` that may start, under one token; return the claims in that order.

    As `claim`, but without tasks of queues with a rate or under a concurrency limit, which start
    one by one. The caller must have locked the tasks: two callers that wait for each other's rows
    would deadlock. After a lost answer `claims_of` returns what was claimed.
    """
    parameters = {
        "ids": list(task_ids),
        "token": token,
        "worker": worker_id,
        "commit": "on" if is_durable else "off",
    }
    rows = fetch(_CLAIM_MANY, parameters, is_prepared=True)
    claims = {row[0]: Claim(row[0], token, *row[1:-1]) for row in rows}
    return [claims[task_id] for task_id in task_ids if task_id in claims]


def claims_of(worker_id: UUID, token: UUID) -> list[Claim]:
    """Return the tasks that the worker runs under `token`."""
    rows = fetch(
        f"""
        SELECT id, {CLAIM_COLUMNS} FROM jobs_task
        WHERE worker_id = %s AND state = 'running' AND claim_token = %s
        """,  # noqa: S608 - constants only
        (worker_id, token),
    )
    return [Claim(row[0], token, *row[1:]) for row in rows]


def lock_untried(task_id: UUID) -> bool:
    """Lock a task that waits for its first attempt; return whether it was locked.

    False where the task has started before, has ended, or is locked by another transaction.
    """
    sql = f"""
        SELECT FROM jobs_task WHERE id = %s AND {IS_WAITING} AND attempt = 0
        FOR UPDATE SKIP LOCKED
    """
    return bool(fetch(sql, (task_id,), is_prepared=True))


def is_waiting(task_id: UUID) -> bool:
    """Return whether the task waits to be claimed, now or later."""
    return bool(
        fetch(f"SELECT FROM jobs_task WHERE id = %s AND {IS_WAITING}", (task_id,), is_prepared=True)
    )


_LOCK_LIMIT = """
    SELECT pg_advisory_xact_lock(hashtextextended(limit_key, 0))
    FROM jobs_task WHERE id = %s AND limit_key IS NOT NULL
"""


#: The running tasks under a limit are counted after the lock, in a statement of its own: with a
#: fresh snapshot.
_CLAIM_LIMITED = f"""
    {_OWN}
    WHERE id = %(id)s AND (
        {MAY_START} AND {_QUEUE_PERMITS} AND limit_count > (
            SELECT count(*) FROM jobs_task AS r
            WHERE r.limit_key = jobs_task.limit_key AND r.state = 'running')
        OR state = 'running' AND claim_token = %(token)s)
    RETURNING {_CLAIMED}
"""  # noqa: S608 - constants only


def claim_limited(task_id: UUID, worker_id: UUID, token: UUID) -> Claim | None:
    """Claim a task under a concurrency limit, durably; return None when the limit is reached.

    Otherwise as `claim`. Claims under one limit key wait for each other, so that the count is
    exact.
    """
    parameters = {"id": task_id, "token": token, "worker": worker_id, "commit": "on"}
    with transaction.atomic():
        rows = fetch(_CLAIM_LIMITED, parameters) if fetch(_LOCK_LIMIT, (task_id,)) else []
    return Claim(task_id, token, *rows[0][:-1]) if rows else None


#: A task whose concurrency limit is reached is handed on again within this time.
_LIMITED_PAUSE = timedelta(seconds=2)


def hand_back(task_id: UUID) -> None:
    """Let the relay hand on a waiting task again, which was handed on but not claimed.

    The task is cancelled if its deadline has passed; under a concurrency limit it waits a little.
    """
    execute(
        f"""
        UPDATE jobs_task SET worker_id = NULL, published_at = NULL,
            state = CASE WHEN deadline_at <= statement_timestamp() THEN 'cancelled' ELSE state END,
            finished_at = CASE WHEN deadline_at <= statement_timestamp()
                          THEN statement_timestamp() END,
            publish_at = CASE WHEN deadline_at <= statement_timestamp() THEN NULL
                ELSE greatest(run_at, statement_timestamp())
                     + CASE WHEN limit_key IS NULL THEN interval '0' ELSE random() * %s END END
        WHERE id = %s AND {IS_WAITING} AND (publish_at IS NULL OR run_at <= statement_timestamp())
        """,  # noqa: S608 - constants only
        (_LIMITED_PAUSE, task_id),
    )


def postpone(task_id: UUID, delay: timedelta) -> None:
    """Make a waiting task run no sooner than `delay` from now."""
    execute(
        """
        UPDATE jobs_task
        SET run_at = statement_timestamp() + %s, publish_at = statement_timestamp() + %s
        WHERE id = %s AND state IN ('queued', 'retrying')
        """,
        (delay, delay, task_id),
    )


_COMPLETE = f"""
    UPDATE jobs_task SET state = 'succeeded', finished_at = statement_timestamp(), result = %s
    WHERE id = %s AND {IS_RUNNING} AND claim_token = %s
"""  # noqa: S608 - constants only


def complete(owned: Claim, result: Any) -> None:
    """Record in the caller's transaction that the task has succeeded with `result`.

    It goes with the other parts of a `together` block.

    Raises:
        LeaseLost: when it is sent and the claim is no longer ours; the caller's transaction must
            not commit.
    """
    together.send(Part(_COMPLETE, (_result(result), owned.id, owned.token), then=_require_ours))


def _require_ours(ended: Values | None) -> None:
    if ended is None:
        raise LeaseLost


def _result(result: Any) -> Jsonb | None:
    return None if result is None else as_jsonb(result, "The result")


_COMPLETE_MANY = f"""
    UPDATE jobs_task
    SET state = 'succeeded', finished_at = statement_timestamp(), result = ended.result
    FROM unnest(%s::uuid[], %s::jsonb[]) AS ended(id, result)
    WHERE jobs_task.id = ended.id AND {IS_RUNNING} AND claim_token = %s
"""  # noqa: S608 - constants only


def complete_many(owned: Sequence[Claim], results: Sequence[Any]) -> None:
    """Record that tasks claimed under one token have succeeded.

    Args:
        results: what their actors returned, in the order of `owned`.

    Raises:
        LeaseLost: one of the claims is no longer ours; the caller's transaction must not commit.
    """
    stored = [_result(result) for result in results]
    parameters = ([claim.id for claim in owned], stored, owned[0].token)
    if execute(_COMPLETE_MANY, parameters, is_prepared=True) != len(owned):
        raise LeaseLost


def assert_owned(owned: Claim) -> None:
    """Check that the claim is still ours, and keep it until the caller's transaction ends.

    A rescue of the task waits for that transaction.

    Raises:
        LeaseLost: the claim is no longer ours.
    """
    sql = f"SELECT FROM jobs_task WHERE id = %s AND {IS_RUNNING} AND claim_token = %s FOR UPDATE"
    if not fetch(sql, (owned.id, owned.token)):
        raise LeaseLost


#: Another task waits under the unique key of the task `t`, and replaces it.
IS_SUPERSEDED = """
    t.unique_key IS NOT NULL AND EXISTS (
        SELECT FROM jobs_task AS waiting
        WHERE waiting.unique_key = t.unique_key AND waiting.state = 'queued')
"""


#: One statement for every end of a failed attempt.
_FAIL = f"""
WITH ended AS (
    SELECT id, CASE
        WHEN cancel_requested_at IS NOT NULL OR %(is_cancelled)s THEN 'cancelled'
        WHEN %(is_permanent)s OR attempt >= max_attempts THEN 'dead'
        WHEN {IS_SUPERSEDED} THEN 'cancelled'
        ELSE 'retrying' END AS state
    FROM jobs_task AS t WHERE id = %(id)s AND {IS_RUNNING} AND claim_token = %(token)s FOR UPDATE
), changed AS (
    UPDATE jobs_task AS t SET
        state = ended.state,
        run_at = CASE WHEN ended.state = 'retrying' THEN statement_timestamp() + %(pause)s
                 ELSE run_at END,
        publish_at = CASE WHEN ended.state = 'retrying' THEN statement_timestamp() + %(pause)s END,
        finished_at = CASE WHEN ended.state <> 'retrying' THEN statement_timestamp() END
    FROM ended WHERE t.id = ended.id
    RETURNING t.id, t.state, t.attempt, t.worker_id, t.started_at
), kept AS (
    INSERT INTO jobs_attempt (
        task_id, number, worker_id, started_at, finished_at, error_type, error, traceback)
    SELECT id, attempt, worker_id, started_at, statement_timestamp(),
           %(error_type)s, %(error)s, %(traceback)s
    FROM changed
)
SELECT state FROM changed
"""  # noqa: S608 - constants only


def fail(
    owned: Claim,
    failure: Failure,
    *,
    pause: timedelta,
    is_permanent: bool = False,
    is_cancelled: bool = False,
) -> State | None:
    """Record a failed attempt and return the task's next state.

    It is `retrying` after `pause`, `dead`, or `cancelled`; None when the claim is no longer ours:
    then nothing was written.
    """
    parameters = {
        "id": owned.id,
        "token": owned.token,
        "pause": pause,
        "is_permanent": is_permanent,
        "is_cancelled": is_cancelled,
        "error_type": as_text(failure.error_type, longest=200),
        "error": as_text(failure.error),
        "traceback": as_text(failure.traceback),
    }
    rows = fetch(_FAIL, parameters)
    return State(rows[0][0]) if rows else None


_PUT_OFF = f"""
    UPDATE jobs_task AS t SET
        state = CASE WHEN {{is_over}} THEN 'cancelled' ELSE 'retrying' END,
        attempt = attempt - 1,
        run_at = CASE WHEN {{is_over}} THEN run_at ELSE statement_timestamp() + %(delay)s END,
        publish_at = CASE WHEN NOT ({{is_over}}) THEN statement_timestamp() + %(delay)s END,
        finished_at = CASE WHEN {{is_over}} THEN statement_timestamp() END
    WHERE id = %(id)s AND {IS_RUNNING} AND claim_token = %(token)s
    RETURNING state
""".format(is_over=f"(cancel_requested_at IS NOT NULL OR {IS_SUPERSEDED})")  # noqa: S608 - constants only


def put_off(owned: Claim, delay: timedelta) -> State | None:
    """End a run without counting it as an attempt; the task is retried after `delay`.

    It is cancelled instead where that was asked for, or where its unique key waits again. Return
    its state, or None when the claim is no longer ours: then nothing was written.
    """
    rows = fetch(_PUT_OFF, {"id": owned.id, "token": owned.token, "delay": delay})
    return State(rows[0][0]) if rows else None


def report_progress(owned: Claim, progress: dict[str, Any]) -> bool:
    """Store the progress of a running task; return whether the task was asked to stop.

    Raises:
        LeaseLost: the claim is no longer ours.
    """
    rows = fetch(
        f"""
        UPDATE jobs_task SET progress = %s WHERE id = %s AND {IS_RUNNING} AND claim_token = %s
        RETURNING cancel_requested_at IS NOT NULL
        """,  # noqa: S608 - constants only
        (as_jsonb(progress, "The progress"), owned.id, owned.token),
    )
    if not rows:
        raise LeaseLost
    return bool(rows[0][0])


def save_checkpoint(owned: Claim, checkpoint: Any) -> None:
    """Store where the next attempt is to go on, in the caller's transaction if there is one.

    Raises:
        LeaseLost: the claim is no longer ours.
    """
    sql = (
        f"UPDATE jobs_task SET checkpoint = %s WHERE id = %s AND {IS_RUNNING} AND claim_token = %s"  # noqa: S608 - constants only
    )
    if not execute(sql, (as_jsonb(checkpoint, "The checkpoint"), owned.id, owned.token)):
        raise LeaseLost


def keep_undecodable(queue: str, body: bytes, error: str) -> None:
    """Store a message that is no task, with the reason, for an operator to look at."""
    execute(
        "INSERT INTO jobs_undecodablemessage (queue, body, error, received_at)"
        " VALUES (%s, %s, %s, statement_timestamp())",
        (queue, body, as_text(error)),
    )
