"""Receive task ids from RabbitMQ, on one connection for all queues of a worker process.

Dramatiq's own consumer keeps a blocking connection for each queue; a busy worker spent half of its
time on those.
"""

from __future__ import annotations

import functools
import queue
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import structlog
from dramatiq import Consumer, Message, MessageProxy
from dramatiq.errors import DecodeError

from jobs.execution import backlog
from jobs.failpoints import failpoint
from jobs.ledger import transitions
from jobs.ledger.database import persistently
from jobs.ledger.parcels import Parcel
from jobs.transport import relay, topology
from jobs.transport.feeder import StandIn
from jobs.transport.link import Link

log = structlog.get_logger(__name__)

#: How long acknowledgements are collected before they are sent together: waking the connection's
#: thread for each cost more than sending it.
SETTLE_PAUSE_SECONDS = 0.003


@dataclass(frozen=True, slots=True)
class DeliveryTag:
    """AMQP's `number` by which to acknowledge a message; it is valid on one connection only."""

    generation: int
    number: int


#: The messages that arrived for one queue, each with the tag to acknowledge it by; a task that came
#: without a message has no tag.
Arrivals = queue.SimpleQueue[tuple[DeliveryTag | None, bytes]]


@dataclass(slots=True)
class _Line:
    """The messages of one queue on their way to its consumer."""

    prefetch: int
    arrivals: Arrivals


class Receiver(Link):
    """Consumes queues, and resumes after every reconnection.

    RabbitMQ delivers messages again that were not acknowledged before; only one of the two
    deliveries can claim the task.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, "receiver")
        self._lines: dict[str, _Line] = {}
        self._settled: deque[tuple[DeliveryTag, bool]] = deque()
        self._is_settling = False

    # --- For any thread -------------------------------------------------------------------------
    def consume(self, queue_name: str, prefetch: int, arrivals: Arrivals) -> None:
        """Put the messages of a logical queue into `arrivals`.

        At most `prefetch` of them are unacknowledged.
        """
        self._lines[queue_name] = _Line(prefetch, arrivals)
        self.call(functools.partial(self._do_consume, queue_name))

    def settle(self, tag: DeliveryTag, *, is_done: bool) -> None:
        """Acknowledge a message soon, or move it to the dead letters unless `is_done`."""
        self._settled.append((tag, is_done))
        if not self._is_settling:
            self._is_settling = True
            self.call(self._do_settle_soon)

    # --- The connection's thread ----------------------------------------------------------------
    def _on_ready(self, channel: Any) -> None:
        channel.add_on_cancel_callback(
            lambda _frame: self._do_close()
        )  # a queue was deleted: declare it again
        super()._on_ready(channel)
        self._do_settle()  # of the last connection; its pause ended with it
        for queue_name in list(self._lines):
            self._do_consume(queue_name)

    def _do_consume(self, queue_name: str) -> None:
        if self._channel is None:
            return  # when the connection is ready, every line is consumed
        name = topology.physical_name(queue_name)
        if name in self._channel.consumer_tags:
            return
        line = self._lines[queue_name]
        self._channel.queue_declare(
            topology.dead_letter_name(queue_name),
            durable=True,
            arguments=topology.dead_letter_arguments(),
        )
        self._channel.queue_declare(
            name, durable=True, arguments=topology.queue_arguments(queue_name)
        )
        self._channel.basic_qos(prefetch_count=line.prefetch)
        self._channel.basic_consume(
            name,
            functools.partial(self._on_message, line.arrivals, self.generation),
            consumer_tag=name,
        )

    def _on_message(
        self,
        arrivals: Arrivals,
        generation: int,
        _channel: Any,
        method: Any,
        properties: Any,
        body: bytes,
    ) -> None:
        failpoint("receiver", properties.message_id)
        arrivals.put((DeliveryTag(generation, method.delivery_tag), body))

    def _do_close(self) -> None:
        self._do_settle()
        super()._do_close()

    def _do_settle_soon(self) -> None:
        if self._connection is not None:
            self._connection.ioloop.call_later(SETTLE_PAUSE_SECONDS, self._do_settle)

    def _do_settle(self) -> None:
        self._is_settling = False
        while self._settled:
            tag, is_done = self._settled.popleft()
            if (
                tag.generation != self.generation
                or self._channel is None
                or not self._channel.is_open
            ):
                continue  # that connection is gone, and RabbitMQ delivers the message again
            if is_done:
                self._channel.basic_ack(tag.number)
            else:
                self._channel.basic_nack(tag.number, requeue=False)


class ReceivedMessage(MessageProxy):
    """A message with its delivery tag; the tag is None where a stand-in took the task."""

    def __init__(self, message: Message[Any], tag: DeliveryTag | None) -> None:
        super().__init__(message)
        self.tag = tag


class ReceivingBroker(Protocol):
    """The part of a broker that a consumer uses."""

    actors: dict[str, Any]
    feeder: StandIn

    def receiver(self) -> Receiver:
        """Return this process's connection for receiving."""


class LedgerConsumer(Consumer):
    """Consumer of one queue; its tasks come from the receiver and from the stand-in.

    A message that is no task is stored in the ledger.
    """

    def __init__(
        self, broker: ReceivingBroker, queue_name: str, prefetch: int, timeout_ms: int
    ) -> None:
        self._broker = broker
        self._queue_name = queue_name
        self._prefetch = prefetch
        self._timeout = timeout_ms / 1000
        self._arrivals: Arrivals = queue.SimpleQueue()
        self._consume()
        broker.feeder.serve(queue_name, self._feed, capacity=prefetch)

    def __next__(self) -> MessageProxy | None:
        self._broker.feeder.keep_running()
        if not self._receiver.is_alive:
            self._consume()
        try:
            tag, body = self._arrivals.get(timeout=self._timeout)
        except queue.Empty:
            return None
        try:
            parcel = self._read(body)
        except (DecodeError, ValueError, AttributeError, TypeError) as error:
            self._keep_undecodable(body, error)
            if tag is not None:
                self._receiver.settle(tag, is_done=False)
            return None
        if backlog.current().has_finished(parcel.id):
            self._settle(parcel.id, tag, is_done=True)
            return None
        if parcel.actor not in self._broker.actors:
            persistently(lambda: relay.postpone_unknown(parcel))
            self._settle(parcel.id, tag, is_done=True)
            return None
        return ReceivedMessage(parcel.message(), tag)

    def _consume(self) -> None:
        """Consume on the process's receiver, which is a new one where its thread has died."""
        self._receiver = self._broker.receiver()
        self._receiver.consume(self._queue_name, self._prefetch, self._arrivals)

    def _feed(self, parcel: Parcel) -> None:
        self._arrivals.put((None, parcel.message().encode()))

    def _read(self, body: bytes) -> Parcel:
        """Decode a message into its task, actor and queue.

        The queue is this consumer's, whatever the message says: one that named another queue would
        end Dramatiq's worker threads.

        Raises:
            DecodeError: the body is not a message of Dramatiq.
            AttributeError, TypeError, ValueError: the message's id cannot be that of a task.
        """
        message: Message[Any] = Message.decode(body)
        return Parcel(UUID(message.message_id), str(message.actor_name), self._queue_name)

    def _settle(self, task_id: UUID, tag: DeliveryTag | None, *, is_done: bool) -> None:
        if tag is None:
            self._broker.feeder.settle(task_id)
        else:
            self._receiver.settle(tag, is_done=is_done)

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge `message`."""
        self._settle(UUID(message.message_id), message.tag, is_done=True)

    def nack(self, message: MessageProxy) -> None:
        """Move `message` to the dead letters of RabbitMQ."""
        self._settle(UUID(message.message_id), message.tag, is_done=False)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back the tasks that came without a message; RabbitMQ redelivers the others."""
        relay.give_back([UUID(message.message_id) for message in messages if message.tag is None])

    def close(self) -> None:
        """Do nothing: the receiver outlives its consumers, and RabbitMQ delivers again."""

    def _keep_undecodable(self, body: bytes, error: Exception) -> None:
        cause = error.__cause__ or error
        log.error(
            "jobs.undecodable_message", queue=self._queue_name, error_type=type(cause).__name__
        )
        text = f"{type(cause).__name__}: {cause}"
        persistently(lambda: transitions.keep_undecodable(self._queue_name, body, text))
