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
from jobs.ledger.picking import Picking
from jobs.transport.publisher import Parcel
from jobs.urgency import IS_BULK, IS_FOREGROUND

if TYPE_CHECKING:
    from jobs.transport.publisher import Publisher

log = structlog.get_logger(__name__)

#: Measured best: 13.6k tasks/s in batches of 100, 5.3k/s in batches of 1,000.
BATCH_TASKS = 100
#: A published task that nobody claimed for so long while its queue stands empty is not in RabbitMQ
#: any more.
MISSING_AFTER = timedelta(seconds=10)
#: A task of an actor this process does not know waits so long: a newer release may be on its way.
UNKNOWN_ACTOR_DELAY = timedelta(seconds=30)

#: Due, and not under a concurrency limit that is reached.
_DUE = """
    state IN ('queued', 'retrying') AND publish_at <= statement_timestamp()
    AND (limit_key IS NULL OR limit_count > (
        SELECT count(*) FROM jobs_task AS r WHERE r.limit_key = jobs_task.limit_key AND r.state = 'running'))
"""
_FOREGROUND = Picking(f"{_DUE} AND {IS_FOREGROUND}")
#: Bulk work takes no place under a limit that something more urgent waits for.
_BULK = Picking(f"""
    {_DUE} AND {IS_BULK} AND (limit_key IS NULL OR NOT EXISTS (
        SELECT FROM jobs_task AS f WHERE f.queue = jobs_task.queue AND f.{IS_FOREGROUND}
          AND f.state IN ('queued', 'retrying') AND f.run_at <= statement_timestamp()
          AND f.limit_key = jobs_task.limit_key))
""")


def take(queues: list[str], worker_id: UUID, *, limit: int, is_bulk: bool = False) -> list[Parcel]:
    """Hand up to `limit` due tasks of `queues`, most urgent first, to a worker process of this
    machine: either bulk work alone or everything else.
    """
    taken: list[Parcel] = []
    for queue in _due_queues(queues, is_bulk=is_bulk):
        with transaction.atomic():
            parcels = _pick(queue, limit - len(taken), _BULK if is_bulk else _FOREGROUND)
            _mark({parcel.id for parcel in parcels}, worker_id)
        taken += parcels
        if len(taken) >= limit:
            break
    return taken


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
    return sum(_relay_queue(publisher, queue) for queue in _due_queues(list(settings.JOBS_QUEUES)))


@dataclass(frozen=True, slots=True)
class _DueQueue:
    name: str
    rate_per_minute: int | None


def queues_with_bulk(queues: list[str]) -> list[str]:
    """Return those of `queues` that have due bulk work and are not paused."""
    return [queue.name for queue in _due_queues(queues, is_bulk=True)]


def _due_queues(queues: list[str], *, is_bulk: bool = False) -> list[_DueQueue]:
    """Return those of `queues` that have something to hand on and are not paused.

    What a queue's rate lets start is for bulk work only while nothing else is due in it.
    """
    sql = _DUE_QUEUES.format(
        is_waiting=_HAS_DUE.format(urgency=IS_BULK if is_bulk else IS_FOREGROUND),
        is_permitted=f"q.rate_per_minute IS NULL OR NOT {_HAS_DUE.format(urgency=IS_FOREGROUND)}"
        if is_bulk
        else "true",
    )
    return [_DueQueue(*row) for row in fetch(sql, (queues,))]


_DUE_QUEUES = """
    SELECT line.name, q.rate_per_minute
    FROM unnest(%s::text[]) WITH ORDINALITY AS line(name, place)
    LEFT JOIN jobs_queue AS q ON q.name = line.name
    WHERE q.paused_at IS NULL AND {is_waiting} AND ({is_permitted})
    ORDER BY line.place
"""
_HAS_DUE = """
    EXISTS (SELECT FROM jobs_task WHERE queue = line.name AND state IN ('queued', 'retrying')
            AND publish_at <= statement_timestamp() AND {urgency})
"""


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
    """Publish one batch under row locks and mark what RabbitMQ confirmed; a crash in between
    publishes twice, and the claim lets one of the two through.
    """
    with transaction.atomic():
        parcels = _pick(queue, limit, _FOREGROUND)
        confirmed = publisher.publish(parcels) if parcels else set()
        failpoint("relay", parcels[0].id if parcels else None)
        _mark(confirmed, None)
    return len(confirmed)


def _pick(queue: _DueQueue, limit: int, picking: Picking) -> list[Parcel]:
    """Lock up to `limit` due tasks in the order in which they shall run, within the queue's rate."""
    permitted = limit if queue.rate_per_minute is None else min(limit, _permits(queue))
    parcels = picking.lock(queue.name, permitted)
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


def _mark(task_ids: set[UUID], worker_id: UUID | None) -> None:
    """The locked tasks have been handed on, in the embedded transport to `worker_id`."""
    if task_ids:
        sql = """
            UPDATE jobs_task SET publish_at = NULL, published_at = statement_timestamp(), worker_id = %s
            WHERE id = ANY(%s)
        """
        execute(sql, (worker_id, list(task_ids)))


def mark_published(task_ids: set[UUID]) -> None:
    """Tasks of the fast path that still wait are RabbitMQ's; the relay leaves them alone.

    Not so in a queue with a rate: there only what the relay hands on may start. Nor a task that a
    worker has handed back meanwhile, its message acknowledged: its `publish_at` is not the one it
    was sent with.
    """
    execute(
        f"""
        UPDATE jobs_task SET publish_at = NULL, published_at = statement_timestamp()
        WHERE id = ANY(%s) AND {transitions.IS_WAITING} AND publish_at = created_at + %s
          AND NOT EXISTS (SELECT FROM jobs_queue WHERE name = jobs_task.queue AND rate_per_minute IS NOT NULL)
        """,  # noqa: S608 - constants only
        (list(task_ids), outbox.fast_path_grace()),
    )


def republish_lost(publisher: Publisher) -> int:
    """Hand on again what RabbitMQ has lost; return how many tasks.

    Lost is everything when RabbitMQ was restarted or wiped, and what a queue should hold when it
    stands empty; never what merely waits long, which would multiply a legitimate backlog.
    """
    if publisher.is_new_incarnation():
        log.warning("jobs.broker_new_incarnation")
        count = _republish(list(settings.JOBS_QUEUES), timedelta())
        # last: had it failed after the mark, nobody would notice again
        publisher.mark_incarnation()
        return count
    empty = [queue for queue in _queues_with_published_tasks() if publisher.depth(queue) == 0]
    return _republish(empty, MISSING_AFTER) if empty else 0


def _queues_with_published_tasks() -> list[str]:
    sql = """
        SELECT line.name FROM unnest(%s::text[]) AS line(name) WHERE EXISTS (
            SELECT FROM jobs_task WHERE queue = line.name AND state IN ('queued', 'retrying') AND publish_at IS NULL
              AND published_at < statement_timestamp() - %s)
    """
    return [name for (name,) in fetch(sql, (list(settings.JOBS_QUEUES), MISSING_AFTER))]


def _republish(queues: list[str], age: timedelta) -> int:
    return execute(
        """
        UPDATE jobs_task SET publish_at = greatest(run_at, statement_timestamp())
        WHERE queue = ANY(%s) AND state IN ('queued', 'retrying') AND publish_at IS NULL
          AND coalesce(published_at, created_at) <= statement_timestamp() - %s
        """,
        (queues, age),
    )
