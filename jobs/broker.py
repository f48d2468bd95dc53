"""Dramatiq brokers whose `enqueue` is an INSERT in the caller's transaction.

Two transports share every line of the ledger: RabbitMQ, and `embedded`, where a worker process takes due tasks
straight from PostgreSQL.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pika
import structlog
from django.db import transaction
from dramatiq import Broker, Consumer, Message, MessageProxy, Middleware
from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer, _RabbitmqMessage
from dramatiq.errors import ConnectionClosed, DecodeError

from jobs import fastpath, ledger, relay, topology, tracing
from jobs.database import in_own_transaction, persistently
from jobs.errors import NotInTransaction
from jobs.feeder import Feeder
from jobs.publisher import Parcel
from jobs.running import current_claim

if TYPE_CHECKING:
    from jobs.declaration import LedgerActor

log = structlog.get_logger(__name__)


class LedgerBroker(Broker):
    """What both transports have in common: the way into the ledger."""

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Write `message` as a task in the caller's transaction; it carries the task's id afterwards.

        Args:
            delay: milliseconds before which the task is not run.

        Raises:
            NotInTransaction: outside `transaction.atomic()`.
        """
        if not in_own_transaction():
            raise NotInTransaction
        task = self._task_of(message, timedelta(milliseconds=delay or 0))
        once_per: timedelta | None = message.options.get("once_per")
        task_id = ledger.insert(task) if once_per is None else ledger.insert_once(task, once_per)
        if not delay and task_id == task.id:
            self._hand_on_after_commit([Parcel(task_id, task.actor, task.queue)])
        return message.copy(message_id=str(task_id))

    def enqueue_many(
        self, actor: LedgerActor[..., Any], arguments: Iterable[Sequence[Any]], **options: Any
    ) -> list[UUID]:
        """Write one task of `actor` for each argument list; the relay hands them on in order of priority.

        Raises:
            NotInTransaction: outside `transaction.atomic()`.
        """
        if not in_own_transaction():
            raise NotInTransaction
        return ledger.insert_many(replace(self._task_of(actor.message()), **options), arguments)

    def _task_of(self, message: Message[Any], delay: timedelta = timedelta()) -> ledger.NewTask:
        actor: LedgerActor[..., Any] = self.get_actor(message.actor_name)  # type: ignore[assignment]
        parent = current_claim()
        context = structlog.contextvars.get_contextvars()
        chosen: dict[str, Any] = {"max_attempts": actor.policy.max_attempts, "priority": actor.priority}
        chosen["created_by"] = parent.created_by if parent else context.get("user_id")
        chosen |= {name: value for name, value in message.options.items() if name != "once_per"}
        return ledger.NewTask(
            actor=message.actor_name,
            queue=message.queue_name,
            args=message.args,
            kwargs=message.kwargs,
            delay=delay,
            request_id=parent.request_id if parent else str(context.get("request_id", "")),
            trace_context=tracing.context_to_send(),
            is_sealed=actor.policy.is_sealed,
            **chosen,
        )

    def _hand_on_after_commit(self, parcels: list[Parcel]) -> None:
        raise NotImplementedError


class RabbitmqLedgerBroker(LedgerBroker, RabbitmqBroker):
    """Tasks travel through RabbitMQ, which may be wiped at any time."""

    def __init__(self, *, url: str, middleware: list[Middleware] | None = None) -> None:
        super().__init__(url=url, middleware=middleware)
        self.parameters = topology.connection_parameters(url)

    def _hand_on_after_commit(self, parcels: list[Parcel]) -> None:
        transaction.on_commit(lambda: fastpath.offer(parcels))

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Make `queue_name` known. There are no delay queues: delays of any length wait in the ledger."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer of the logical queue, which is declared on the consumer's own connection."""
        return LedgerConsumer(self, queue_name, prefetch, timeout)


class LedgerConsumer(_RabbitmqConsumer):
    """Receives task ids from RabbitMQ; whatever is not one ends in the ledger, never nowhere."""

    def __init__(self, broker: RabbitmqLedgerBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, topology.physical_name(queue_name), prefetch, timeout)  # type: ignore[no-untyped-call]
        self.logical_name = queue_name
        self._settled: deque[tuple[int, bool]] = deque()
        self._is_flushing = False
        try:
            self.channel.queue_declare(
                topology.dead_letter_name(queue_name), durable=True, arguments=topology.dead_letter_arguments()
            )
            self.channel.queue_declare(
                topology.physical_name(queue_name), durable=True, arguments=topology.queue_arguments(queue_name)
            )
        except (pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError) as error:
            raise ConnectionClosed(error) from None

    def __next__(self) -> MessageProxy | None:
        try:
            method, _properties, body = next(self.iterator)
        except (AssertionError, pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError) as error:
            raise ConnectionClosed(error) from None
        if method is None:
            return None
        try:
            message = Message.decode(body)
            task_id = UUID(message.message_id)
        except (DecodeError, ValueError, AttributeError, TypeError) as error:
            self._keep_undecodable(body, error)
            self._nack(method.delivery_tag)  # type: ignore[no-untyped-call]
            return None
        if message.actor_name not in self.broker.actors:
            persistently(lambda: relay.postpone_unknown(Parcel(task_id, message.actor_name, self.logical_name)))
            self.connection.add_callback_threadsafe(functools.partial(self.channel.basic_ack, method.delivery_tag))
            return None
        self.known_tags.add(method.delivery_tag)
        return _RabbitmqMessage(method.redelivered, method.delivery_tag, message)

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge `message`. What worker threads acknowledge at about the same time wakes the connection once."""
        self._settle(message, is_done=True)

    def nack(self, message: MessageProxy) -> None:
        """Mirror `message` into the dead letters."""
        self._settle(message, is_done=False)

    def _settle(self, message: MessageProxy, *, is_done: bool) -> None:
        tag: int = message._tag  # noqa: SLF001 - ours: this consumer made the message
        if tag not in self.known_tags:
            return  # of an earlier connection: RabbitMQ delivers it again, and the claim refuses it
        self.known_tags.remove(tag)
        self._settled.append((tag, is_done))
        if self._is_flushing:
            return
        self._is_flushing = True
        try:
            self.connection.add_callback_threadsafe(self._flush)
        except (pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError) as error:
            raise ConnectionClosed(error) from None

    def _flush(self) -> None:
        self._is_flushing = False
        while self._settled:
            tag, is_done = self._settled.popleft()
            if is_done:
                self.channel.basic_ack(tag)
            else:
                self.channel.basic_nack(tag, requeue=False)

    def _keep_undecodable(self, body: bytes, error: Exception) -> None:
        cause = error.__cause__ or error
        log.error("jobs.undecodable_message", queue=self.logical_name, error_type=type(cause).__name__)
        text = f"{type(cause).__name__}: {cause}"
        persistently(lambda: ledger.keep_undecodable(self.logical_name, body, text))


class EmbeddedLedgerBroker(LedgerBroker):
    """No RabbitMQ: worker processes take due tasks from the ledger themselves."""

    def __init__(self, *, middleware: list[Middleware] | None = None) -> None:
        super().__init__(middleware=middleware)
        self.queues: set[str] = set()
        self.feeder = Feeder(self)

    def _hand_on_after_commit(self, parcels: list[Parcel]) -> None:
        transaction.on_commit(self.feeder.wake)

    def get_declared_queues(self) -> set[str]:
        """The names of the queues declared so far."""
        return self.queues.copy()

    def declare_queue(self, queue_name: str) -> None:
        """Make `queue_name` known."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer of `queue_name`, fed by the process's one feeder."""
        return self.feeder.consumer(queue_name, prefetch=prefetch, timeout_ms=timeout)

    def close(self) -> None:
        """Stop feeding."""
        self.feeder.stop()
