"""Turn a message into a task: a row of the sender's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from dramatiq import Message

from jobs.errors import NotInTransaction
from jobs.execution import entrance, tracing
from jobs.execution.current import current_claim
from jobs.execution.policy import DeclaredActor
from jobs.ledger import outbox
from jobs.ledger.database import in_own_transaction
from jobs.ledger.parcels import Parcel
from jobs.urgency import Urgency


def send(
    actor: DeclaredActor, message: Message[Any], *, delay: timedelta = timedelta()
) -> tuple[UUID, list[Parcel]]:
    """Write `message` as a task of `actor` in the caller's transaction; return its id and parcels.

    The parcels are to be handed on once the transaction has committed. There are none for a task
    that is not due yet, for one that already waited under its unique key, and for bulk work, which
    workers take from the ledger so that none of it fills RabbitMQ.

    Raises:
        NotInTransaction: outside `transaction.atomic()`.
    """
    if not in_own_transaction():
        raise NotInTransaction
    task = _task_of(actor, message, delay)
    once_per: timedelta | None = message.options.get("once_per")
    task_id = outbox.insert(task) if once_per is None else outbox.insert_once(task, once_per)
    is_due = not delay and task_id == task.id and task.urgency != Urgency.BULK
    return task_id, [Parcel(task_id, task.actor, task.queue)] if is_due else []


def send_many(
    actor: DeclaredActor, arguments: Iterable[Sequence[Any]], **options: Any
) -> list[UUID]:
    """Write one task of `actor` for each argument list; return their ids.

    The relay hands them on in order of priority.

    Raises:
        NotInTransaction: outside `transaction.atomic()`.
    """
    if not in_own_transaction():
        raise NotInTransaction
    message: Message[Any] = Message(actor.queue_name, actor.actor_name, (), {}, {})
    return outbox.insert_many(replace(_task_of(actor, message, timedelta()), **options), arguments)


def _task_of(actor: DeclaredActor, message: Message[Any], delay: timedelta) -> outbox.NewTask:
    parent, here = current_claim(), entrance.current()
    context = structlog.contextvars.get_contextvars()
    chosen: dict[str, Any] = {
        "max_attempts": actor.policy.max_attempts,
        "priority": actor.priority,
        "created_by": here.sender,
    }
    chosen |= {name: value for name, value in message.options.items() if name != "once_per"}
    return outbox.NewTask(
        actor=message.actor_name,
        queue=message.queue_name,
        args=message.args,
        kwargs=message.kwargs,
        delay=delay,
        request_id=parent.request_id if parent else str(context.get("request_id", "")),
        trace_context=tracing.context_to_send(),
        is_sealed=actor.policy.is_sealed,
        urgency=Urgency.BULK if actor.policy.is_bulk else here.urgency,
        is_mirrored=actor.mirror_fn is not None,
        **chosen,
    )
