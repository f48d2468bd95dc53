"""Dramatiq brokers whose `enqueue` is an INSERT in the caller's transaction.

Two transports share every line of the ledger: RabbitMQ, and `embedded`, where a worker process
takes due tasks straight from PostgreSQL, as it does beside RabbitMQ with those that no message
brings.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any, cast

from django.db import transaction
from dramatiq import Broker, Consumer, Message, Middleware
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from jobs.execution import sending
from jobs.execution.policy import DeclaredActor
from jobs.ledger.parcels import Parcel
from jobs.transport import fast_path
from jobs.transport.feeder import FedConsumer, Feeder, StandIn
from jobs.transport.publisher import publisher
from jobs.transport.receiver import LedgerConsumer, Receiver


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
        actor = cast("DeclaredActor", self.get_actor(message.actor_name))
        pause = timedelta(milliseconds=delay or 0)
        task_id, parcels = sending.send(actor, message, delay=pause)
        if parcels:
            self._hand_on_after_commit(parcels)
        return message.copy(message_id=str(task_id))

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
