"""The relay: hand on due tasks, from the ledger to RabbitMQ or to this process's worker threads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
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
#: How long a task of an unknown actor is postponed: a newer release may be on its way.
UNKNOWN_ACTOR_DELAY = timedelta(seconds=30)

#: Due. A worker that takes tasks without a message waits `patience` for the message first, but not
#: until the relay may have them.
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
#: Bulk work of some actors, unless something more urgent waits under the same concurrency limit.
_BULK = Picking(f"""
    {_DUE} AND {IS_BULK} AND actor <> ALL(%(besides)s)
    AND (%(only)s::text[] IS NULL OR actor = ANY(%(only)s)) AND (limit_key IS NULL OR NOT EXISTS (
        SELECT FROM jobs_task AS f WHERE f.queue = jobs_task.queue AND f.{IS_FOREGROUND}
          AND f.state IN ('queued', 'retrying') AND f.run_at <= statement_timestamp()
          AND f.limit_key = jobs_task.limit_key))
""")
#: Handed on so long ago that its message may be lost.
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
    """How long a task is left to its message before it is taken without one.

    `due` counts from when the task may run; `handed_on` counts from when RabbitMQ or a worker
    process got it. With None, tasks that were handed on are not taken again.
    """

    due: timedelta = timedelta()
    handed_on: timedelta | None = None


NO_PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Actors:
    """Whose bulk work is taken: of these `only`, if given, and of none of those `besides`."""

    only: tuple[str, ...] | None = None
    besides: tuple[str, ...] = ()


ALL_ACTORS = Actors()


def take(
    queues: list[str],
    worker_id: UUID,
    *,
    limit: int,
    is_bulk: bool = False,
    actors: Actors = ALL_ACTORS,
    patience: Patience = NO_PATIENCE,
) -> list[Parcel]:
    """Take up to `limit` due tasks for the worker process `worker_id`, without a message.

    Only tasks for which `patience` is over: first those handed on earlier whose message may be
    lost, then the most urgent. Either bulk work alone (`is_bulk`), of some `actors`, or everything
    else.
    """
    taken: list[Parcel] = []
    for queue in _due_queues(queues, patience, is_bulk=is_bulk):
        taken += _take_from(queue, worker_id, limit - len(taken), patience, actors)
        if len(taken) >= limit:
            break
    return taken


def _take_from(
    queue: _DueQueue, worker_id: UUID, limit: int, patience: Patience, actors: Actors
) -> list[Parcel]:
    with transaction.atomic():
        parcels = _pick_strays(queue, limit, patience) if queue.has_strays else []
        rest = limit - len(parcels)
        parcels += _pick(queue, rest, patience, actors)
        _mark([parcel.id for parcel in parcels], worker_id)
    return parcels


def _pick_strays(queue: _DueQueue, limit: int, patience: Patience) -> list[Parcel]:
    rows = fetch(
        _PICK_STRAYS,
        {"queue": queue.name, "stray": patience.handed_on, "limit": limit},
        is_prepared=True,
        is_search=True,
    )
    return [Parcel(*row) for row in rows]


def give_back(task_ids: list[UUID]) -> None:
    """Make tasks due again that were handed on but not begun."""
    for task_id in task_ids:
        transitions.hand_back(task_id)


def give_back_unbegun(worker_id: UUID) -> int:
    """Make tasks due again that were handed to `worker_id` and not begun; return their number.

    If the worker process has one of them in hand after all, only one of the two claims succeeds.
    """
    sql = """
        UPDATE jobs_task SET publish_at = greatest(run_at, statement_timestamp()), worker_id = NULL
        WHERE worker_id = %s AND state IN ('queued', 'retrying') AND publish_at IS NULL
    """
    return execute(sql, (worker_id,))


def postpone_unknown(parcel: Parcel) -> None:
    """Postpone a task whose actor this process does not know, for a newer release to run it."""
    log.warning("jobs.unknown_actor", actor=parcel.actor, task_id=str(parcel.id))
    transitions.postpone(parcel.id, UNKNOWN_ACTOR_DELAY)


def relay_due(publisher: Publisher) -> int:
    """Publish due tasks, except bulk work, to queues that have room; return their number."""
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


#: Those of the given queues that are not paused and have something to hand on.
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
    """Return those of `queues` that are not paused and have due bulk work."""
    return [queue.name for queue in _due_queues(queues, NO_PATIENCE, is_bulk=True)]


def _due_queues(queues: list[str], patience: Patience, *, is_bulk: bool = False) -> list[_DueQueue]:
    """Return those of `queues` that are not paused and have something to hand on.

    In a queue with a rate, bulk work starts only while nothing else is due.
    """
    foreground, bulk = f"{_HAS_COME} AND {IS_FOREGROUND}", f"{_HAS_COME} AND {IS_BULK}"
    sql = _DUE_QUEUES.format(
        due=bulk if is_bulk else foreground, urgent=foreground if is_bulk else "false"
    )
    parameters = _parameters(patience) | {"queues": queues, "stray": patience.handed_on}
    rows = fetch(sql, parameters, is_prepared=True, is_search=True)
    return [_DueQueue(name, rate, is_bulk, has_strays) for name, rate, has_strays, _ in rows]


def _parameters(patience: Patience) -> dict[str, Any]:
    """Return the parameters of `_HAS_COME`.

    A worker that waits for messages may also take tasks that the relay must still leave to the fast
    path.
    """
    grace = timedelta() if patience.handed_on is None else outbox.fast_path_grace()
    return {"grace": grace, "patience": patience.due}


def _relay_queue(publisher: Publisher, queue: _DueQueue) -> int:
    depth = publisher.depth(queue.name)
    limit = settings.JOBS_BROKER_DEPTH_MESSAGES
    # Topping up a queue that is well filled would cost a transaction for every few tasks.
    room = limit - depth if depth is not None and depth <= limit // 2 else 0
    moved = 0
    while room > 0:
        batch_limit = min(BATCH_TASKS, room)
        batch = _relay_batch(publisher, queue, batch_limit)
        moved += batch
        room -= batch
        if batch < batch_limit:
            break
    return moved


def _relay_batch(publisher: Publisher, queue: _DueQueue, limit: int) -> int:
    """Mark one batch as handed on, publish it, and unmark what RabbitMQ did not confirm.

    No row is locked while RabbitMQ is waited for. If the process dies in between, a stand-in finds
    the marked tasks.
    """
    with transaction.atomic():
        parcels = _pick(queue, limit, NO_PATIENCE)
        _mark([parcel.id for parcel in parcels], None)
    confirmed = publisher.publish(parcels) if parcels else set()
    failpoint("relay", parcels[0].id if parcels else None)
    _unmark([parcel.id for parcel in parcels if parcel.id not in confirmed])
    return len(confirmed)


def _pick(
    queue: _DueQueue, limit: int, patience: Patience, actors: Actors = ALL_ACTORS
) -> list[Parcel]:
    """Lock up to `limit` due tasks in the order in which to run them, within the queue's rate."""
    if limit <= 0:
        return []
    permitted = limit if queue.rate_per_minute is None else min(limit, _permits(queue))
    parameters = _parameters(patience)
    if queue.is_bulk:
        only = None if actors.only is None else list(actors.only)
        parameters |= {"only": only, "besides": list(actors.besides)}
    picking = _BULK if queue.is_bulk else _FOREGROUND
    parcels = picking.lock(queue.name, permitted, **parameters)
    if queue.rate_per_minute is not None:
        _spend(queue, len(parcels))
    return parcels


#: After a pause, a queue with a rate may start the tasks of this much time at once.
_BURST = timedelta(seconds=1)


def _permits(queue: _DueQueue) -> int:
    """Return how many tasks of a queue with a rate may start now, and lock the queue's row.

    0 means that the next one is not permitted yet, or that the rate was removed meanwhile. The lock
    lasts until the transaction ends, so that no other process spends the same permits.
    """
    sql = """
        SELECT floor(extract(epoch FROM statement_timestamp()
                   - greatest(next_start_at,
                       statement_timestamp() - %s)) * rate_per_minute / 60) + 1
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
    """Mark locked tasks as handed on: to RabbitMQ, or without a message to `worker_id`."""
    if task_ids:
        sql = """
            UPDATE jobs_task SET publish_at = NULL, published_at = statement_timestamp(),
                worker_id = %s
            WHERE id = ANY(%s)
        """
        execute(sql, (worker_id, task_ids))


def _unmark(task_ids: list[UUID]) -> None:
    """Make tasks due again that RabbitMQ did not take, unless they started or a worker has them."""
    if task_ids:
        sql = f"""
            UPDATE jobs_task SET publish_at = greatest(run_at, statement_timestamp())
            WHERE id = ANY(%s) AND {transitions.IS_WAITING} AND publish_at IS NULL
                AND worker_id IS NULL
        """  # noqa: S608 - constants only
        execute(sql, (task_ids,))
