"""The present state of the ledger, for the dashboard, Prometheus, the alerts and the health checks.

Every statement is bounded, however many tasks wait or have ended: counts stop at COUNT_LIMIT.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from jobs.ledger import outbox
from jobs.ledger.database import fetch
from jobs.urgency import Urgency

#: Counting stops here; a count of this size means "at least".
COUNT_LIMIT = 10_000
#: How many of the newest failures are searched for causes.
CAUSE_LIMIT = 2_000
RUNNING_LIMIT = 200


@dataclass(frozen=True, slots=True)
class LevelState:
    """The tasks that wait in one queue at one urgency.

    `oldest_seconds` is how long the oldest due task has been waiting.
    """

    urgency: Urgency
    due: int
    oldest_seconds: float
    delayed: int
    retrying: int


@dataclass(frozen=True, slots=True)
class QueueState:
    """The tasks that wait and run in one queue."""

    name: str
    paused_at: datetime | None
    note: str
    running: int
    levels: list[LevelState] = field(default_factory=list)

    @property
    def due(self) -> int:
        return min(sum(level.due for level in self.levels), COUNT_LIMIT)

    @property
    def due_bulk(self) -> int:
        return sum(level.due for level in self.levels if level.urgency == Urgency.BULK)

    @property
    def oldest_seconds(self) -> float:
        """Return how long the oldest due task has been waiting, without bulk work."""
        urgent = [level for level in self.levels if level.urgency != Urgency.BULK]
        return max((level.oldest_seconds for level in urgent), default=0.0)

    @property
    def delayed(self) -> int:
        return min(sum(level.delayed for level in self.levels), COUNT_LIMIT)

    @property
    def retrying(self) -> int:
        return min(sum(level.retrying for level in self.levels), COUNT_LIMIT)


@dataclass(frozen=True, slots=True)
class RunningState:
    """A task that is running."""

    id: UUID
    actor: str
    attempt: int
    seconds: float
    progress: float | None


@dataclass(slots=True)
class WorkerState:
    """A worker process that has not ended, as far as is known."""

    id: UUID
    hostname: str
    pid: int
    queues: list[str]
    threads: int
    memory_bytes: int | None
    up_seconds: float
    silent_seconds: float
    running: list[RunningState] = field(default_factory=list)

    @property
    def is_alive(self) -> bool:
        """Return whether its last heartbeat is younger than JOBS_LEASE_SECONDS."""
        return self.silent_seconds < settings.JOBS_LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class Cause:
    """A kind of error with which tasks of an actor failed or died."""

    actor: str
    error_type: str
    count: int
    latest_at: datetime


#: A task sent a moment ago counts as due, although the relay still leaves it to the fast path.
_QUEUES = """
WITH running AS (SELECT queue, count(*) AS count FROM jobs_task WHERE state = 'running'
    GROUP BY queue),
moment AS (SELECT statement_timestamp() + %(grace)s AS due)
SELECT line.name, q.paused_at, coalesce(q.note, ''), coalesce(running.count, 0), level.urgency,
       least(handed.count + due.count, %(limit)s),
       coalesce(greatest(EXTRACT(EPOCH FROM statement_timestamp() - least(handed.oldest,
           due.oldest)), 0), 0)::float8,
       delayed.count, delayed.retrying
FROM moment CROSS JOIN unnest(%(queues)s::text[]) WITH ORDINALITY AS line(name, place)
CROSS JOIN unnest(%(urgencies)s::smallint[]) AS level(urgency)
LEFT JOIN jobs_queue AS q ON q.name = line.name
LEFT JOIN running ON running.queue = line.name
CROSS JOIN LATERAL (
    SELECT count(*), min(run_at) AS oldest FROM (
        SELECT run_at FROM jobs_task
        WHERE queue = line.name AND urgency = level.urgency AND state IN ('queued', 'retrying')
          AND publish_at IS NULL LIMIT %(limit)s) AS counted
) AS handed
CROSS JOIN LATERAL (
    SELECT count(*), min(run_at) AS oldest FROM (
        SELECT run_at FROM jobs_task
        WHERE queue = line.name AND urgency = level.urgency AND state IN ('queued', 'retrying')
          AND publish_at <= moment.due LIMIT %(limit)s) AS counted
) AS due
CROSS JOIN LATERAL (
    SELECT count(*), count(*) FILTER (WHERE state = 'retrying') AS retrying FROM (
        SELECT state FROM jobs_task
        WHERE queue = line.name AND urgency = level.urgency AND state IN ('queued', 'retrying')
          AND publish_at > moment.due LIMIT %(limit)s) AS counted
) AS delayed
ORDER BY line.place, level.urgency
"""


def queues() -> list[QueueState]:
    """Return the state of every queue of JOBS_QUEUES, in that order."""
    facts = {
        "queues": list(settings.JOBS_QUEUES),
        "urgencies": Urgency.values,
        "limit": COUNT_LIMIT,
        "grace": outbox.fast_path_grace(),
    }
    known: dict[str, QueueState] = {}
    for name, paused_at, note, running, urgency, *counts in fetch(_QUEUES, facts):
        queue = known.setdefault(name, QueueState(name, paused_at, note, running))
        queue.levels.append(LevelState(Urgency(urgency), *counts))
    return list(known.values())


def workers() -> list[WorkerState]:
    """Return the worker processes that have not ended, each with the tasks it runs.

    Those without a heartbeat for an hour are left out.
    """
    rows = fetch(
        """
        SELECT id, hostname, pid, queues, threads, memory_bytes,
               EXTRACT(EPOCH FROM statement_timestamp() - started_at)::float8,
               EXTRACT(EPOCH FROM statement_timestamp() - heartbeat_at)::float8
        FROM jobs_worker
        WHERE stopped_at IS NULL AND heartbeat_at > statement_timestamp() - interval '1 hour'
        ORDER BY hostname, pid LIMIT 500
        """,
        (),
    )
    states = {row[0]: WorkerState(*row) for row in rows}
    for worker_id, running in _running():
        if worker_id in states:
            states[worker_id].running.append(running)
    return list(states.values())


def _running() -> list[tuple[UUID, RunningState]]:
    rows = fetch(
        """
        SELECT worker_id, id, actor, attempt, EXTRACT(EPOCH
            FROM statement_timestamp() - started_at)::float8,
               (progress ->> 'fraction')::float8
        FROM jobs_task WHERE state = 'running' ORDER BY started_at LIMIT %s
        """,
        (RUNNING_LIMIT,),
    )
    return [(row[0], RunningState(*row[1:])) for row in rows]


def dead_count() -> int:
    """Return how many tasks are dead, COUNT_LIMIT at most."""
    [(count,)] = fetch(
        "SELECT count(*) FROM (SELECT FROM jobs_task WHERE state = 'dead' LIMIT %s) AS dead",
        (COUNT_LIMIT,),
    )
    return int(count)


def failure_causes(period: timedelta) -> list[Cause]:
    """Return why attempts failed in the last `period`, by actor and error, the most frequent first.

    Only the newest CAUSE_LIMIT failed attempts are looked at.
    """
    rows = fetch(
        """
        SELECT t.actor, a.error_type, count(*), max(a.finished_at)
        FROM (SELECT * FROM jobs_attempt ORDER BY id DESC LIMIT %s) AS a JOIN jobs_task AS t
            ON t.id = a.task_id
        WHERE a.finished_at > statement_timestamp() - %s
        GROUP BY 1, 2 ORDER BY 3 DESC, 4 DESC LIMIT 20
        """,
        (CAUSE_LIMIT, period),
    )
    return [Cause(*row) for row in rows]


def dead_causes() -> list[Cause]:
    """Return why tasks are dead, by actor and last error, the most frequent first.

    Only the newest CAUSE_LIMIT dead tasks are looked at.
    """
    rows = fetch(
        """
        SELECT t.actor, coalesce(a.error_type, ''), count(*), max(t.finished_at)
        FROM (SELECT id, actor, finished_at FROM jobs_task
              WHERE state = 'dead' ORDER BY finished_at DESC LIMIT %s) AS t
        LEFT JOIN LATERAL (
            SELECT error_type FROM jobs_attempt WHERE task_id = t.id ORDER BY id DESC LIMIT 1) AS a
                ON true
        GROUP BY 1, 2 ORDER BY 3 DESC, 4 DESC LIMIT 20
        """,
        (CAUSE_LIMIT,),
    )
    return [Cause(*row) for row in rows]
