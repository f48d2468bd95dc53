"""Handing on what is due: from the ledger to RabbitMQ, or straight to this process's workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from jobs.failpoints import failpoint
from jobs.ledger import outbox, transitions
from jobs.ledger.database import execute, fetch
from jobs.ledger.parcels import Parcel
from jobs.ledger.picking import Picking
from jobs.urgency import IS_BULK, IS_FOREGROUND

if TYPE_CHECKING:
    from jobs.transport.publisher import Publisher

log = structlog.get_logger(__name__)

#: Measured best: 13.6k tasks/s in batches of 100, 5.3k/s in batches of 1,000.
BATCH_TASKS = 100
#: A task of an actor this process does not know waits so long: a newer release may be on its way.
UNKNOWN_ACTOR_DELAY = timedelta(seconds=30)

#: Due. A worker that takes tasks without a message leaves them to theirs for a while, but not until
#: the relay may have them.
_HAS_COME = """
    state IN ('queued', 'retrying') AND publish_at <= statement_timestamp() + %(grace)s
    AND run_at <= statement_timestamp() - %(patience)s
"""
#: Due, and not under a concurrency limit that is reached.
_DUE = f"""
    {_HAS_COME} AND (limit_key IS NULL OR limit_count > (
        SELECT count(*) FROM jobs_task AS r
        WHERE r.limit_key = jobs_task.limit_key AND r.state = 'running'))
"""  # noqa: S608 - constants only
_FOREGROUND = Picking(f"{_DUE} AND {IS_FOREGROUND}")
#: Bulk work takes no place under a limit that something more urgent waits for.
_BULK = Picking(f"""
    {_DUE} AND {IS_BULK} AND (limit_key IS NULL OR NOT EXISTS (
        SELECT FROM jobs_task AS f WHERE f.queue = jobs_task.queue AND f.{IS_FOREGROUND}
          AND f.state IN ('queued', 'retrying') AND f.run_at <= statement_timestamp()
          AND f.limit_key = jobs_task.limit_key))
""")
#: Handed on so long ago that what was to bring it to a worker may be lost.
_STRAY = f"""
    state IN ('queued', 'retrying') AND publish_at IS NULL
    AND published_at <= statement_timestamp() - %(stray)s::interval AND {IS_FOREGROUND}
"""
_PICK_STRAYS = f"""
    SELECT id, actor, queue FROM jobs_task WHERE queue = %(queue)s AND {_STRAY}
    ORDER BY published_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a task is left to the message that is to bring it to a worker.

    `due` counts from when it may run, `handed_on` from when RabbitMQ got it, or a worker process
    without a message; None: what was handed on is not looked for.
    """

    due: timedelta = timedelta()
    handed_on: timedelta | None = None


NO_PATIENCE = Patience()


def take(
    queues: list[str],
    worker_id: UUID,
    *,
    limit: int,
    is_bulk: bool = False,
    patience: Patience = NO_PATIENCE,
) -> list[Parcel]:
    """Hand up to `limit` tasks of `queues` without a message to the worker process `worker_id`:
    either bulk work alone or everything else.

    Those for which `patience` is over: what was handed on before and may be lost, then the most
    urgent.
    """
    taken: list[Parcel] = []
    for queue in _due_queues(queues, patience, is_bulk=is_bulk):
        taken += _take_from(queue, worker_id, limit - len(taken), patience)
        if len(taken) >= limit:
            break
    return taken


def _take_from(queue: _DueQueue, worker_id: UUID, limit: int, patience: Patience) -> list[Parcel]:
    with transaction.atomic():
        parcels = _pick_strays(queue, limit, patience) if queue.has_strays else []
        rest = limit - len(parcels)
        parcels += _pick(queue, rest, patience)
        _mark([parcel.id for parcel in parcels], worker_id)
    return parcels


def _pick_strays(queue: _DueQueue, limit: int, patience: Patience) -> list[Parcel]:
    rows = fetch(
        _PICK_STRAYS,
        {"queue": queue.name, "stray": patience.handed_on, "limit": limit},
        is_prepared=True,
    )
    return [Parcel(*row) for row in rows]


def give_back(task_ids: list[UUID]) -> None:
    """Tasks that were handed on but not begun are due again."""
    for task_id in task_ids:
        transitions.hand_back(task_id)


def give_back_unbegun(worker_id: UUID) -> int:
    """Tasks that were handed to `worker_id` and have not begun are due again; return how many.

    The claim lets one through where the worker process has it in hand after all.
    """
    sql = """
        UPDATE jobs_task SET publish_at = greatest(run_at, statement_timestamp()), worker_id = NULL
        WHERE worker_id = %s AND state IN ('queued', 'retrying') AND publish_at IS NULL
    """
    return execute(sql, (worker_id,))


def postpone_unknown(parcel: Parcel) -> None:
    """A task whose actor this process does not know waits for a process that does."""
    log.warning("jobs.unknown_actor", actor=parcel.actor, task_id=str(parcel.id))
    transitions.postpone(parcel.id, UNKNOWN_ACTOR_DELAY)


def relay_due(publisher: Publisher) -> int:
    """Publish what is due and fits into RabbitMQ's shallow queues, but no bulk work; return how
    many tasks were handed on.
    """
    return sum(
        _relay_queue(publisher, queue)
        for queue in _due_queues(list(settings.JOBS_QUEUES), NO_PATIENCE)
    )


@dataclass(frozen=True, slots=True)
class _DueQueue:
    name: str
    rate_per_minute: int | None
    is_bulk: bool = False
    has_strays: bool = False


#: Those of some queues that have something to hand on and are not paused.
_DUE_QUEUES = f"""
    SELECT * FROM (
        SELECT line.name, q.rate_per_minute,
            EXISTS (SELECT FROM jobs_task WHERE queue = line.name AND {_STRAY}) AS has_strays,
            EXISTS (SELECT FROM jobs_task WHERE queue = line.name AND {{due}}) AS has_due
        FROM unnest(%(queues)s::text[]) WITH ORDINALITY AS line(name, place)
        LEFT JOIN jobs_queue AS q ON q.name = line.name
        WHERE q.paused_at IS NULL AND (q.rate_per_minute IS NULL OR NOT EXISTS (
            SELECT FROM jobs_task WHERE queue = line.name AND {{urgent}}))
        ORDER BY line.place
    ) AS queues WHERE has_strays OR has_due
"""  # noqa: S608 - constants only


def queues_with_bulk(queues: list[str]) -> list[str]:
    """Return those of `queues` that have due bulk work and are not paused."""
    return [queue.name for queue in _due_queues(queues, NO_PATIENCE, is_bulk=True)]


def _due_queues(queues: list[str], patience: Patience, *, is_bulk: bool = False) -> list[_DueQueue]:
    """Return those of `queues` that have something to hand on and are not paused.

    What a queue's rate lets start is for bulk work only while nothing else is due in it.
    """
    foreground, bulk = f"{_HAS_COME} AND {IS_FOREGROUND}", f"{_HAS_COME} AND {IS_BULK}"
    sql = _DUE_QUEUES.format(
        due=bulk if is_bulk else foreground, urgent=foreground if is_bulk else "false"
    )
    parameters = _parameters(patience) | {"queues": queues, "stray": patience.handed_on}
    rows = fetch(sql, parameters, is_prepared=True)
    return [_DueQueue(name, rate, is_bulk, has_strays) for name, rate, has_strays, _ in rows]


def _parameters(patience: Patience) -> dict[str, timedelta]:
    """Those of `_HAS_COME`: whoever waits for messages at all may take what the relay may not yet."""
    grace = timedelta() if patience.handed_on is None else outbox.fast_path_grace()
    return {"grace": grace, "patience": patience.due}


def _relay_queue(publisher: Publisher, queue: _DueQueue) -> int:
    depth = publisher.depth(queue.name)
    limit = settings.JOBS_BROKER_DEPTH_MESSAGES
    # Topping up a queue that is well filled would cost a transaction for every few tasks.
    room = limit - depth if depth is not None and depth <= limit // 2 else 0
    moved = 0
    while room > 0:
        wanted = min(BATCH_TASKS, room)
        batch = _relay_batch(publisher, queue, wanted)
        moved += batch
        room -= batch
        if batch < wanted:
            break
    return moved


def _relay_batch(publisher: Publisher, queue: _DueQueue, limit: int) -> int:
    """Mark one batch as handed on, publish it, and take the mark back from what RabbitMQ did not
    confirm.

    Nothing is locked while RabbitMQ is waited for. Who dies in between leaves tasks that a stand-in
    finds.
    """
    with transaction.atomic():
        parcels = _pick(queue, limit, NO_PATIENCE)
        _mark([parcel.id for parcel in parcels], None)
    confirmed = publisher.publish(parcels) if parcels else set()
    failpoint("relay", parcels[0].id if parcels else None)
    _unmark([parcel.id for parcel in parcels if parcel.id not in confirmed])
    return len(confirmed)


def _pick(queue: _DueQueue, limit: int, patience: Patience) -> list[Parcel]:
    """Lock up to `limit` due tasks in the order in which they shall run, within the queue's rate."""
    if limit <= 0:
        return []
    permitted = limit if queue.rate_per_minute is None else min(limit, _permits(queue))
    picking = _BULK if queue.is_bulk else _FOREGROUND
    parcels = picking.lock(queue.name, permitted, **_parameters(patience))
    if queue.rate_per_minute is not None:
        _spend(queue, len(parcels))
    return parcels


#: A queue with a rate that stood idle may start so much of its minute at once.
_BURST = timedelta(seconds=1)


def _permits(queue: _DueQueue) -> int:
    """How many tasks the queue's rate lets start now; the row stays locked until they are spent."""
    sql = """
        SELECT floor(extract(epoch FROM statement_timestamp()
                   - greatest(next_start_at, statement_timestamp() - %s)) * rate_per_minute / 60) + 1
        FROM jobs_queue WHERE name = %s AND rate_per_minute IS NOT NULL FOR UPDATE
    """
    rows = fetch(sql, (_BURST, queue.name))
    return max(int(rows[0][0]), 0) if rows else 0


def _spend(queue: _DueQueue, count: int) -> None:
    sql = """
        UPDATE jobs_queue SET next_start_at = greatest(next_start_at, statement_timestamp() - %s)
                                            + make_interval(secs => %s * 60.0 / rate_per_minute)
        WHERE name = %s
    """
    execute(sql, (_BURST, count, queue.name))


def _mark(task_ids: list[UUID], worker_id: UUID | None) -> None:
    """The locked tasks have been handed on: to RabbitMQ, or without a message to `worker_id`."""
    if task_ids:
        sql = """
            UPDATE jobs_task SET publish_at = NULL, published_at = statement_timestamp(), worker_id = %s
            WHERE id = ANY(%s)
        """
        execute(sql, (worker_id, task_ids))


def _unmark(task_ids: list[UUID]) -> None:
    """RabbitMQ did not take the tasks: those that still wait, and that nobody else was handed, are
    due again.
    """
    if task_ids:
        sql = f"""
            UPDATE jobs_task SET publish_at = greatest(run_at, statement_timestamp())
            WHERE id = ANY(%s) AND {transitions.IS_WAITING} AND publish_at IS NULL AND worker_id IS NULL
        """  # noqa: S608 - constants only
        execute(sql, (task_ids,))
