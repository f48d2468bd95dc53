"""Receiving task ids from RabbitMQ: one connection for all queues of a worker process.

Dramatiq's own consumer keeps a blocking connection a queue; half of a busy worker's time went
there.
"""

from __future__ import annotations

import functools
import queue
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from dramatiq import Consumer, Message, MessageProxy
from dramatiq.errors import ConnectionClosed, DecodeError

from jobs.execution import backlog
from jobs.failpoints import failpoint
from jobs.ledger import transitions
from jobs.ledger.database import persistently
from jobs.transport import relay, topology
from jobs.transport.link import Link
from jobs.transport.publisher import Parcel

if TYPE_CHECKING:
    from jobs.transport.brokers import RabbitmqLedgerBroker

log = structlog.get_logger(__name__)

#: Acknowledgements of a busy worker go out together; waking the connection's thread for each cost
#: more than sending it.
SETTLE_PAUSE_SECONDS = 0.003


@dataclass(frozen=True, slots=True)
class DeliveryTag:
    """How to acknowledge a message: AMQP's `number`, which holds on the `generation`th connection
    only.
    """

    generation: int
    number: int


@dataclass(slots=True)
class _Line:
    """One queue's messages on their way to its consumer."""

    prefetch: int
    bodies: queue.SimpleQueue[tuple[DeliveryTag, bytes]]


class Receiver(Link):
    """Consumes the queues it is asked for, again after every reconnection.

    What was received and not acknowledged before is delivered again; the claim lets one of the two
    through.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, "receiver")
        self._lines: dict[str, _Line] = {}
        self._generation = 0
        self._settled: deque[tuple[DeliveryTag, bool]] = deque()
        self._is_settling = False

    # --- For any thread -------------------------------------------------------------------------
    def consume(
        self, queue_name: str, prefetch: int
    ) -> queue.SimpleQueue[tuple[DeliveryTag, bytes]]:
        """Where the messages of the logical queue arrive from now on, at most `prefetch`
        unacknowledged.
        """
        if queue_name not in self._lines:
            self._lines[queue_name] = _Line(prefetch, queue.SimpleQueue())
            self._call(functools.partial(self._do_consume, queue_name))
        return self._lines[queue_name].bodies

    def settle(self, tag: DeliveryTag, *, is_done: bool) -> None:
        """Acknowledge a message soon, or mirror it into the dead letters."""
        self._settled.append((tag, is_done))
        if not self._is_settling:
            self._is_settling = True
            self._call(self._do_settle_soon)

    # --- The connection's thread ----------------------------------------------------------------
    def _on_ready(self, channel: Any) -> None:
        self._generation += 1
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
            functools.partial(self._on_message, line.bodies, self._generation),
            consumer_tag=name,
        )

    def _on_message(
        self,
        bodies: queue.SimpleQueue[tuple[DeliveryTag, bytes]],
        generation: int,
        _channel: Any,
        method: Any,
        properties: Any,
        body: bytes,
    ) -> None:
        failpoint("receiver", properties.message_id)
        bodies.put((DeliveryTag(generation, method.delivery_tag), body))

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
                tag.generation != self._generation
                or self._channel is None
                or not self._channel.is_open
            ):
                continue  # that connection is gone, and RabbitMQ delivers the message again
            if is_done:
                self._channel.basic_ack(tag.number)
            else:
                self._channel.basic_nack(tag.number, requeue=False)


class ReceivedMessage(MessageProxy):
    """A message and how to acknowledge it."""

    def __init__(self, message: Message[Any], tag: DeliveryTag) -> None:
        super().__init__(message)
        self.tag = tag


class LedgerConsumer(Consumer):
    """One queue's end of the receiver; whatever is no task ends in the ledger, never nowhere."""

    def __init__(
        self, broker: RabbitmqLedgerBroker, queue_name: str, prefetch: int, timeout_ms: int
    ) -> None:
        self._broker = broker
        self._receiver = broker.receiver()
        self._queue_name = queue_name
        self._timeout = timeout_ms / 1000
        self._bodies = self._receiver.consume(queue_name, prefetch)

    def __next__(self) -> MessageProxy | None:
        if not self._receiver.is_alive:
            raise ConnectionClosed(
                RuntimeError("The receiver's thread has died.")
            )  # Dramatiq consumes anew
        try:
            tag, body = self._bodies.get(timeout=self._timeout)
        except queue.Empty:
            return None
        try:
            parcel = self._read(body)
        except (DecodeError, ValueError, AttributeError, TypeError) as error:
            self._keep_undecodable(body, error)
            self._receiver.settle(tag, is_done=False)
            return None
        if backlog.current().has_finished(parcel.id):
            self._receiver.settle(tag, is_done=True)
            return None
        if parcel.actor not in self._broker.actors:
            persistently(lambda: relay.postpone_unknown(parcel))
            self._receiver.settle(tag, is_done=True)
            return None
        return ReceivedMessage(parcel.message(), tag)

    def _read(self, body: bytes) -> Parcel:
        """Of a message only its task and its actor count: Dramatiq's threads would not survive a
        foreign queue.
        """
        message: Message[Any] = Message.decode(body)
        return Parcel(UUID(message.message_id), str(message.actor_name), self._queue_name)

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge `message`."""
        self._receiver.settle(message.tag, is_done=True)

    def nack(self, message: MessageProxy) -> None:
        """Mirror `message` into the dead letters."""
        self._receiver.settle(message.tag, is_done=False)

    def close(self) -> None:
        """Nothing to close: the receiver outlives its consumers, and RabbitMQ delivers again what
        it held.
        """

    def _keep_undecodable(self, body: bytes, error: Exception) -> None:
        cause = error.__cause__ or error
        log.error(
            "jobs.undecodable_message", queue=self._queue_name, error_type=type(cause).__name__
        )
        text = f"{type(cause).__name__}: {cause}"
        persistently(lambda: transitions.keep_undecodable(self._queue_name, body, text))
