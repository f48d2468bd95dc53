"""Dramatiq brokers whose `enqueue` is an INSERT in the caller's transaction.

There are two transports over the same ledger. `rabbitmq` sends messages, and its workers also take
tasks that no message brings; with `embedded` workers take every due task from PostgreSQL.
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
    """Common part of both brokers: writes messages as tasks of the ledger."""

    queues: set[str]
    feeder: Feeder

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Make `queue_name` known.

        There are no delay queues: tasks with a delay of any length wait in the ledger.
        """
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Write `message` as a task in the caller's transaction; return it with the task's id.

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
    """Sends tasks through RabbitMQ; works on while RabbitMQ is down, hangs or loses messages."""

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
        """Return a consumer of the logical queue, on the one connection of this process."""
        return LedgerConsumer(self, queue_name, prefetch, timeout)

    def receiver(self) -> Receiver:
        """Return this process's connection for receiving; its first consumer opens it.

        So it is opened after any fork of the process.
        """
        with self._lock:
            if self._receiver is None or not self._receiver.is_alive:
                self._receiver = Receiver(self._url)
                self._receiver.start()
            return self._receiver

    def _is_cut_off(self) -> bool:
        return not (self.receiver().is_connected and publisher().is_connected)

    def close(self) -> None:
        """Take no more tasks and close the connections.

        RabbitMQ delivers unacknowledged messages to other processes.
        """
        self.feeder.stop()
        if self._receiver is not None:
            self._receiver.stop()
        super().close()


class EmbeddedLedgerBroker(LedgerBroker):
    """Works without RabbitMQ: worker processes take due tasks from the ledger themselves."""

    def __init__(self, *, middleware: list[Middleware] | None = None) -> None:
        super().__init__(middleware=middleware)
        self.queues = set()
        self.feeder = Feeder(self)

    def _hand_on_after_commit(self, parcels: list[Parcel]) -> None:
        transaction.on_commit(self.feeder.wake)

    def get_declared_queues(self) -> set[str]:
        """Return the names of the queues declared so far."""
        return self.queues.copy()

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Return a consumer of `queue_name` that gets its tasks from this process's feeder."""
        return FedConsumer(self.feeder, queue_name, prefetch, timeout)

    def close(self) -> None:
        """Take no more tasks from the ledger; do not wait for the thread that takes them."""
        self.feeder.stop()
