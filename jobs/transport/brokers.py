"""Dramatiq brokers whose `enqueue` is an INSERT in the caller's transaction.

Two transports share every line of the ledger: RabbitMQ, and `embedded`, where a worker process
takes due tasks straight from PostgreSQL, as it does beside RabbitMQ with those that no message
brings.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from django.db import transaction
from dramatiq import Broker, Consumer, Message, Middleware
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from jobs.errors import NotInTransaction
from jobs.execution import entrance, tracing
from jobs.execution.current import current_claim
from jobs.ledger import outbox
from jobs.ledger.database import in_own_transaction
from jobs.transport import fast_path
from jobs.transport.feeder import FedConsumer, Feeder, StandIn
from jobs.transport.publisher import Parcel, publisher
from jobs.transport.receiver import LedgerConsumer, Receiver
from jobs.urgency import Urgency

if TYPE_CHECKING:
    from jobs.execution.declaration import LedgerActor

log = structlog.get_logger(__name__)


class LedgerBroker(Broker):
    """What both transports have in common: the way into the ledger."""

    queues: set[str]
    feeder: Feeder

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Make `queue_name` known. There are no delay queues: delays of any length wait in the
        ledger.
        """
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Write `message` as a task in the caller's transaction; it carries the task's id
        afterwards.

        Args:
            delay: milliseconds before which the task is not run.

        Raises:
            NotInTransaction: outside `transaction.atomic()`.
        """
        if not in_own_transaction():
            raise NotInTransaction
        task = self._task_of(message, timedelta(milliseconds=delay or 0))
        once_per: timedelta | None = message.options.get("once_per")
        task_id = outbox.insert(task) if once_per is None else outbox.insert_once(task, once_per)
        # Workers take bulk work from the ledger, so that none of it fills RabbitMQ.
        if not delay and task_id == task.id and task.urgency != Urgency.BULK:
            self._hand_on_after_commit([Parcel(task_id, task.actor, task.queue)])
        return message.copy(message_id=str(task_id))

    def enqueue_many(
        self, actor: LedgerActor[..., Any], arguments: Iterable[Sequence[Any]], **options: Any
    ) -> list[UUID]:
        """Write one task of `actor` for each argument list; the relay hands them on in order of
        priority.

        Raises:
            NotInTransaction: outside `transaction.atomic()`.
        """
        if not in_own_transaction():
            raise NotInTransaction
        return outbox.insert_many(replace(self._task_of(actor.message()), **options), arguments)

    def _task_of(self, message: Message[Any], delay: timedelta = timedelta()) -> outbox.NewTask:
        actor: LedgerActor[..., Any] = self.get_actor(message.actor_name)  # type: ignore[assignment]
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

    def _hand_on_after_commit(self, parcels: list[Parcel]) -> None:
        raise NotImplementedError


class RabbitmqLedgerBroker(LedgerBroker, RabbitmqBroker):
    """Tasks travel through RabbitMQ, which may be away, stand still or be wiped at any time."""

    feeder: StandIn

    def __init__(self, *, url: str, middleware: list[Middleware] | None = None) -> None:
        super().__init__(url=url, middleware=middleware)
        self._url = url
        self._receiver: Receiver | None = None
        self._lock = threading.Lock()
        self.feeder = StandIn(self, self._is_cut_off)

    def _hand_on_after_commit(self, parcels: list[Parcel]) -> None:
        transaction.on_commit(lambda: fast_path.offer(parcels))

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer of the logical queue, on the connection that all queues of this process share."""
        return LedgerConsumer(self, queue_name, prefetch, timeout)

    def receiver(self) -> Receiver:
        """This process's connection for receiving; made by its first consumer, so after any fork."""
        with self._lock:
            if self._receiver is None or not self._receiver.is_alive:
                self._receiver = Receiver(self._url)
                self._receiver.start()
            return self._receiver

    def _is_cut_off(self) -> bool:
        return not (self.receiver().is_connected and publisher().is_connected)

    def close(self) -> None:
        """End the connections: RabbitMQ delivers to others what was not acknowledged."""
        self.feeder.stop()
        if self._receiver is not None:
            self._receiver.stop()
        super().close()


class EmbeddedLedgerBroker(LedgerBroker):
    """No RabbitMQ: worker processes take due tasks from the ledger themselves."""

    def __init__(self, *, middleware: list[Middleware] | None = None) -> None:
        super().__init__(middleware=middleware)
        self.queues = set()
        self.feeder = Feeder(self)

    def _hand_on_after_commit(self, parcels: list[Parcel]) -> None:
        transaction.on_commit(self.feeder.wake)

    def get_declared_queues(self) -> set[str]:
        """The names of the queues declared so far."""
        return self.queues.copy()

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer of `queue_name`, fed by the process's one feeder."""
        return FedConsumer(self.feeder, queue_name, prefetch, timeout)

    def close(self) -> None:
        """Stop feeding."""
        self.feeder.stop()
