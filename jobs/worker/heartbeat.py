"""Register worker processes, keep their heartbeat, and rescue the tasks of those that are lost."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from dramatiq import get_broker
from psycopg.types.json import Jsonb

from jobs.errors import WorkerLost
from jobs.execution.declaration import LedgerActor
from jobs.execution.policy import Policy
from jobs.ledger import pauses, transitions
from jobs.ledger.database import execute, fetch
from jobs.process import resident_bytes

log = structlog.get_logger(__name__)

RESCUE_TASKS = 100


def beat(worker_id: UUID, *, queues: list[str], threads: int) -> None:
    """Store by PostgreSQL's clock that the process is alive; the first call registers it."""
    execute(
        """
        INSERT INTO jobs_worker (id, hostname, pid, queues, threads, memory_bytes, started_at,
            heartbeat_at)
        VALUES (%s, %s, %s, %s, %s, %s, statement_timestamp(), statement_timestamp())
        ON CONFLICT (id) DO UPDATE SET heartbeat_at = statement_timestamp(), stopped_at = NULL,
            memory_bytes = excluded.memory_bytes
        """,
        (
            worker_id,
            socket.gethostname(),
            os.getpid(),
            Jsonb(sorted(queues)),
            threads,
            resident_bytes(),
        ),
    )


def leave(worker_id: UUID) -> None:
    """Record that the process has ended, so that its unfinished tasks can be rescued at once."""
    execute("UPDATE jobs_worker SET stopped_at = statement_timestamp() WHERE id = %s", (worker_id,))


#: A silent worker does not count as lost shortly after PostgreSQL started: during an outage no
#: worker can store its heartbeat.
_IS_LOST = """
    (w.id IS NULL OR w.stopped_at IS NOT NULL
     OR w.heartbeat_at < statement_timestamp() - %(lease)s
        AND pg_postmaster_start_time() < statement_timestamp() - %(lease)s)
"""


def rescue() -> int:
    """Rescue the tasks of lost workers; return how many.

    A task that was running has failed this attempt; one that had not begun is due again.
    """
    lease = timedelta(seconds=settings.JOBS_LEASE_SECONDS)
    rows = fetch(
        f"""
        SELECT t.id, claim_token, {transitions.CLAIM_COLUMNS} FROM jobs_task t LEFT
            JOIN jobs_worker w ON w.id = worker_id
        WHERE state = 'running' AND {_IS_LOST} LIMIT %(limit)s
        """,  # noqa: S608 - constants only
        {"lease": lease, "limit": RESCUE_TASKS},
    )
    for row in rows:
        _rescue(transitions.Claim(*row))
    return len(rows) + _give_back_unbegun(lease)


def _rescue(lost: transitions.Claim) -> None:
    error = WorkerLost()
    failure = transitions.Failure(type(error).__name__, str(error))
    policy = _policy(lost.actor)
    pause = pauses.backoff(lost.attempt, base=policy.min_backoff, maximum=policy.max_backoff)
    state = transitions.fail(lost, failure, pause=pause)
    log.warning(
        "jobs.rescued", task_id=str(lost.id), actor=lost.actor, attempt=lost.attempt, state=state
    )


def _policy(actor_name: str) -> Policy:
    actor = get_broker().actors.get(actor_name)
    return actor.policy if isinstance(actor, LedgerActor) else Policy()


def _give_back_unbegun(lease: timedelta) -> int:
    """Make tasks due again that a lost worker took from the ledger but did not claim."""
    return execute(
        f"""
        UPDATE jobs_task SET publish_at = greatest(run_at, statement_timestamp()), worker_id = NULL
        WHERE id IN (
            SELECT t.id FROM jobs_task t LEFT JOIN jobs_worker w ON w.id = t.worker_id
            WHERE t.state IN ('queued', 'retrying') AND t.publish_at IS NULL AND t.worker_id IS
                NOT NULL
              AND {_IS_LOST}
            FOR UPDATE OF t SKIP LOCKED)
        """,  # noqa: S608 - constants only
        {"lease": lease},
    )


def delete_silent_workers(age: timedelta) -> int:
    """Delete the rows of processes without a heartbeat for longer than `age`; return how many.

    They stay while a task counts as running in them, until `rescue` has dealt with it.
    """
    return execute(
        "DELETE FROM jobs_worker WHERE heartbeat_at < statement_timestamp() - %s"
        " AND NOT EXISTS (SELECT FROM jobs_task WHERE state = 'running' AND worker_id = "
        "jobs_worker.id)",
        (age,),
    )
