"""Handing on what is due: from the ledger to RabbitMQ, or straight to this process's workers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from jobs import ledger
from jobs.database import execute, fetch
from jobs.publisher import Parcel

if TYPE_CHECKING:
    from jobs.publisher import Publisher

log = structlog.get_logger(__name__)

#: Measured best: 13.6k tasks/s in batches of 100, 5.3k/s in batches of 1,000.
BATCH_TASKS = 100
#: A published task that nobody claimed for so long while its queue stands empty is not in RabbitMQ any more.
MISSING_AFTER = timedelta(seconds=10)
#: A task of an actor this process does not know waits so long: a newer release may be on its way.
UNKNOWN_ACTOR_DELAY = timedelta(seconds=30)

_DUE = """
    state IN ('queued', 'retrying') AND publish_at <= statement_timestamp()
"""
_TAKE = f"""
    WITH due AS (
        SELECT t.id FROM unnest(%(queues)s::text[]) AS line(name)
        CROSS JOIN LATERAL (
            SELECT id, priority, publish_at FROM jobs_task
            WHERE queue = line.name AND {_DUE}
              AND NOT EXISTS (SELECT FROM jobs_queue WHERE name = line.name AND paused_at IS NOT NULL)
            ORDER BY priority, publish_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ) AS t ORDER BY t.priority, t.publish_at LIMIT %(limit)s
    )
    UPDATE jobs_task AS t SET publish_at = NULL, published_at = statement_timestamp(), worker_id = %(worker)s
    FROM due WHERE t.id = due.id RETURNING t.id, t.actor, t.queue
"""  # noqa: S608 - constants only


def take(queues: list[str], worker_id: UUID, *, limit: int) -> list[Parcel]:
    """Hand up to `limit` due tasks of `queues`, most urgent first, to a worker process of this machine."""
    return [Parcel(*row) for row in fetch(_TAKE, {"queues": queues, "limit": limit, "worker": worker_id})]


def give_back(task_ids: list[UUID]) -> None:
    """Tasks that were handed on but not begun are due again."""
    for task_id in task_ids:
        ledger.hand_back(task_id)


def postpone_unknown(parcel: Parcel) -> None:
    """A task whose actor this process does not know waits for a process that does."""
    log.warning("jobs.unknown_actor", actor=parcel.actor, task_id=str(parcel.id))
    ledger.postpone(parcel.id, UNKNOWN_ACTOR_DELAY)


def relay_due(publisher: Publisher) -> int:
    """Publish what is due and fits into RabbitMQ's shallow queues; return how many tasks were handed on."""
    return sum(_relay_queue(publisher, queue) for queue in _queues_with_due_tasks())


def _queues_with_due_tasks() -> list[str]:
    sql = f"""
        SELECT line.name FROM unnest(%s::text[]) AS line(name)
        WHERE EXISTS (SELECT FROM jobs_task WHERE queue = line.name AND {_DUE})
          AND NOT EXISTS (SELECT FROM jobs_queue WHERE name = line.name AND paused_at IS NOT NULL)
    """  # noqa: S608 - constants only
    return [name for (name,) in fetch(sql, (list(settings.JOBS_QUEUES),))]


def _relay_queue(publisher: Publisher, queue: str) -> int:
    depth = publisher.depth(queue)
    room = 0 if depth is None else settings.JOBS_BROKER_DEPTH_MESSAGES - depth
    moved = 0
    while room > 0:
        wanted = min(BATCH_TASKS, room)
        batch = _relay_batch(publisher, queue, wanted)
        moved += batch
        room -= batch
        if batch < wanted:
            break
    return moved


def _relay_batch(publisher: Publisher, queue: str, limit: int) -> int:
    """Publish one batch under row locks and mark what RabbitMQ confirmed; a crash in between publishes twice,
    and the claim lets one of the two through."""
    with transaction.atomic():
        rows = fetch(
            f"""
            SELECT id, actor, queue FROM jobs_task WHERE queue = %s AND {_DUE}
            ORDER BY priority, publish_at LIMIT %s FOR UPDATE SKIP LOCKED
            """,  # noqa: S608 - constants only
            (queue, limit),
        )
        confirmed = publisher.publish([Parcel(*row) for row in rows]) if rows else set()
        if confirmed:
            mark_published(confirmed)
    return len(confirmed)


def mark_published(task_ids: set[UUID]) -> None:
    """The tasks that still wait are RabbitMQ's; the relay leaves them alone."""
    execute(
        """
        UPDATE jobs_task SET publish_at = NULL, published_at = statement_timestamp()
        WHERE id = ANY(%s) AND state IN ('queued', 'retrying') AND publish_at IS NOT NULL
        """,
        (list(task_ids),),
    )


def republish_lost(publisher: Publisher) -> int:
    """Hand on again what RabbitMQ has lost; return how many tasks.

    Lost is everything when RabbitMQ was restarted or wiped, and what a queue should hold when it stands empty;
    never what merely waits long, which would multiply a legitimate backlog.
    """
    if publisher.is_new_incarnation():
        log.warning("jobs.broker_new_incarnation")
        return _republish(list(settings.JOBS_QUEUES), timedelta())
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
