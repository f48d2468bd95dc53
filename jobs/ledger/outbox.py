"""Write tasks into the ledger, as rows of the sender's own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from jobs import sealing
from jobs.ledger import together
from jobs.ledger.database import execute, fetch
from jobs.ledger.storable import as_jsonb, refuse_options
from jobs.ledger.together import Part, named
from jobs.urgency import Urgency


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task as its sender describes it: what to run, when, and how often to try."""

    actor: str
    queue: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    max_attempts: int
    urgency: Urgency = Urgency.ROUTINE
    priority: int = 0
    delay: timedelta = timedelta()
    unique_key: str | None = None
    created_by: UUID | None = None
    request_id: str = ""
    trace_context: dict[str, str] | None = None
    deadline: timedelta | None = None
    group_id: UUID | None = None
    limit_key: str | None = None
    limit_count: int | None = None
    job_type: str = ""
    is_completion_announced: bool = False
    is_mirrored: bool = False
    is_sealed: bool = False
    id: UUID = field(default_factory=uuid7)


#: Columns that are equal for all tasks of one send, in the order of `_SHARED_VALUES`.
_SHARED_COLUMNS = """
    actor, queue, urgency, priority, max_attempts, unique_key, created_by, request_id,
    trace_context, deadline_at, group_id, limit_key, limit_count, job_type,
    is_completion_announced, is_mirrored, run_at, publish_at
"""
_SHARED_VALUES = """
    %(actor)s, %(queue)s, %(urgency)s, %(priority)s, %(max_attempts)s, %(unique_key)s,
    %(created_by)s, %(request_id)s, %(trace_context)s, statement_timestamp() + %(deadline)s,
    %(group_id)s, %(limit_key)s, %(limit_count)s, %(job_type)s, %(is_completion_announced)s,
    %(is_mirrored)s, statement_timestamp() + %(delay)s, statement_timestamp() + %(relay_delay)s
"""
_INSERT = f"""
INSERT INTO jobs_task (id, args, kwargs, sealed_args, state, attempt, created_at, {_SHARED_COLUMNS})
VALUES (%(id)s, %(args)s, %(kwargs)s, %(sealed_args)s, 'queued', 0, statement_timestamp(),
    {_SHARED_VALUES})
"""  # noqa: S608 - constants only
_INSERT_MANY = f"""
INSERT INTO jobs_task (id, args, kwargs, sealed_args, state, attempt, created_at, {_SHARED_COLUMNS})
SELECT id, args, %(kwargs)s, sealed_args, 'queued', 0, statement_timestamp(), {_SHARED_VALUES}
FROM unnest(%(ids)s::uuid[], %(all_args)s::jsonb[], %(all_sealed_args)s::bytea[]) AS new(id, args,
    sealed_args)
"""  # noqa: S608 - constants only
#: The UPDATE locks the waiting task, so no worker claims it before the sender has committed. A more
#: urgent sender takes the task over, so that a person never waits as long as bulk work which was
#: sent under the same key before.
_JOIN_WAITING = """
ON CONFLICT (unique_key) WHERE state = 'queued' AND unique_key IS NOT NULL
DO UPDATE SET unique_key = excluded.unique_key,
    (urgency, created_by, run_at, publish_at) = (
        SELECT excluded.urgency, excluded.created_by, least(jobs_task.run_at, excluded.run_at),
               least(jobs_task.publish_at, excluded.publish_at)
        WHERE excluded.urgency < jobs_task.urgency
        UNION ALL
        SELECT jobs_task.urgency, jobs_task.created_by, jobs_task.run_at, jobs_task.publish_at
        WHERE excluded.urgency >= jobs_task.urgency)
RETURNING id
"""
_RAISE_URGENCY = """
    UPDATE jobs_task SET urgency = %s, created_by = %s
    WHERE id = %s AND (state IN ('queued', 'retrying')) IS TRUE AND urgency > %s
"""


def insert(task: NewTask) -> UUID:
    """Write `task` in the caller's transaction and return its id.

    Where a task with the same unique key already waits, nothing is added and the id of that task is
    returned.
    """
    args, sealed_args = _stored(task, task.args)
    parameters = _shared(task, _relay_delay(task.delay)) | {
        "id": task.id,
        "args": args,
        "sealed_args": sealed_args,
    }
    if task.unique_key is None:
        together.send(Part(*named(_INSERT, parameters)))
        return task.id
    [(waiting,)] = fetch(_INSERT + _JOIN_WAITING, parameters)
    return UUID(str(waiting))


def insert_once(task: NewTask, period: timedelta) -> UUID:
    """Write `task` unless one with its unique key was sent within `period`; return the task's id.

    The id is that of the earlier task where nothing was written.
    """
    _shared(task, period)  # what cannot be stored is refused before the key is taken
    _stored(task, task.args)
    sent = fetch(
        """
        INSERT INTO jobs_oncekey AS once (key, task_id, expires_at) VALUES (%s, %s,
            statement_timestamp() + %s)
        ON CONFLICT (key) DO UPDATE SET task_id = excluded.task_id, expires_at = excluded.expires_at
        WHERE once.expires_at <= statement_timestamp() RETURNING task_id
        """,
        (task.unique_key, task.id, period),
    )
    if sent:
        return insert(replace(task, unique_key=None))
    [(earlier,)] = fetch("SELECT task_id FROM jobs_oncekey WHERE key = %s", (task.unique_key,))
    execute(_RAISE_URGENCY, (task.urgency, task.created_by, earlier, task.urgency))
    return UUID(str(earlier))


def insert_many(task: NewTask, arguments: Iterable[Sequence[Any]]) -> list[UUID]:
    """Write one task for each list of positional arguments, in one statement; return their ids.

    All other fields are those of `task`. The relay hands these tasks on; the fast path does not.
    """
    rows = [(uuid7(), *_stored(task, args)) for args in arguments]
    columns = {"ids": [row[0] for row in rows], "all_args": [row[1] for row in rows]}
    sealed = {"all_sealed_args": [row[2] for row in rows]}
    execute(_INSERT_MANY, _shared(task, task.delay) | columns | sealed)
    return [row[0] for row in rows]


def _stored(task: NewTask, args: Sequence[Any]) -> tuple[Jsonb, bytes | None]:
    """Return the arguments as the columns `args` and `sealed_args` store them."""
    arguments = as_jsonb(list(args), f"The arguments of {task.actor}")
    if task.is_sealed:
        return Jsonb([]), sealing.seal({"args": list(args), "kwargs": task.kwargs})
    return arguments, None


_FIELDS = tuple(column.name for column in fields(NewTask))


def _shared(task: NewTask, relay_delay: timedelta) -> dict[str, Any]:
    parameters = {name: getattr(task, name) for name in _FIELDS}
    refuse_options(parameters)
    kwargs = as_jsonb(task.kwargs, f"The named arguments of {task.actor}")
    return parameters | {
        "kwargs": Jsonb({}) if task.is_sealed else kwargs,
        "trace_context": None if task.trace_context is None else Jsonb(task.trace_context),
        "relay_delay": relay_delay,
    }


def _relay_delay(delay: timedelta) -> timedelta:
    """Return after how long the relay may hand on the task.

    A task that is due now is left to its sender's fast path first.
    """
    if delay or settings.JOBS_TRANSPORT != "rabbitmq":
        return delay
    return fast_path_grace()


def fast_path_grace() -> timedelta:
    """Return how long the relay leaves a new task to the fast path of its sender."""
    return timedelta(seconds=settings.JOBS_FAST_PATH_GRACE_SECONDS)
