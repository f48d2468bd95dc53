"""The connection on which this process publishes, with pipelined publisher confirms.

`BlockingChannel.basic_publish` waits for each confirm; a `Link` has hundreds in flight.
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

import pika
import structlog
from django.conf import settings

from jobs.failpoints import failpoint
from jobs.ledger.parcels import Parcel
from jobs.transport import topology
from jobs.transport.link import Link

log = structlog.get_logger(__name__)

#: AMQP's delivery mode for messages that RabbitMQ keeps in memory only. If a restart loses them,
#: workers take their tasks from the ledger.
TRANSIENT = 1


class Batch:
    """Parcels published together, and the confirms that are still to come."""

    def __init__(self, parcels: Iterable[Parcel]) -> None:
        self.confirmed: set[UUID] = set()
        self._open = {parcel.id for parcel in parcels}
        self._lock = threading.Lock()
        self._is_settled = threading.Event()
        if not self._open:
            self._is_settled.set()

    def settle(self, parcel_id: UUID, is_confirmed: bool) -> None:
        """Note that RabbitMQ has confirmed one parcel, or that it will not."""
        with self._lock:
            self._open.discard(parcel_id)
            if is_confirmed:
                self.confirmed.add(parcel_id)
            if not self._open:
                self._is_settled.set()

    def wait(self, timeout: float) -> set[UUID]:
        """Wait for all parcels, `timeout` seconds at most; return the confirmed ids."""
        self._is_settled.wait(timeout)
        with self._lock:
            return set(self.confirmed)


class Publisher(Link):
    """Publishes this process's parcels to RabbitMQ and reports which of them were confirmed."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "publisher")
        self._declared: set[str] = set()
        self._asking: dict[str, list[Callable[[int | None], None]]] = {}
        self._unconfirmed: dict[int, tuple[Parcel, Callable[[bool], None]]] = {}
        self._next_tag = 1
        self._returned: set[str] = set()
        self.start()

    # --- For any thread -------------------------------------------------------------------------
    def publish(self, parcels: list[Parcel], timeout: float = 5.0) -> set[UUID]:
        """Publish all `parcels`; return the ids that RabbitMQ confirmed in `timeout` seconds."""
        if not self.is_connected:
            return set()
        batch = Batch(parcels)
        self.call(functools.partial(self._do_publish_batch, parcels, batch))
        return batch.wait(timeout)

    def depth(self, queue: str, timeout: float = 2.0) -> int | None:
        """Declare `queue` and return how many messages wait in it; None without an answer."""
        if not self.is_connected:
            return None
        answer: SimpleQueue[int | None] = SimpleQueue()
        self.call(lambda: self.do_ask_depth(queue, answer.put))
        try:
            return answer.get(timeout=timeout)
        except Empty:
            return None

    # --- The connection's thread ----------------------------------------------------------------
    def do_publish(self, parcel: Parcel, settle: Callable[[bool], None]) -> None:
        """Publish `parcel`, and call `settle` with whether RabbitMQ has it once that is known."""
        if not self.is_connected:
            settle(False)
            return
        self._unconfirmed[self._next_tag] = (parcel, settle)
        self._next_tag += 1
        failpoint("publisher", parcel.id)
        self._channel.basic_publish(
            exchange="",
            routing_key=topology.physical_name(parcel.queue),
            body=parcel.message().encode(),
            properties=pika.BasicProperties(delivery_mode=TRANSIENT, message_id=str(parcel.id)),
            mandatory=True,
        )

    def do_ask_depth(self, queue: str, answer: Callable[[int | None], None]) -> None:
        """Declare `queue` and call `answer` with its number of waiting messages, or None."""
        if self._channel is None:
            answer(None)
            return
        asking = self._asking.setdefault(queue, [])
        asking.append(answer)
        if len(asking) > 1:
            return
        if queue not in self._declared:
            self._channel.queue_declare(
                topology.dead_letter_name(queue),
                durable=True,
                arguments=topology.dead_letter_arguments(),
            )
        self._channel.queue_declare(
            topology.physical_name(queue),
            durable=True,
            arguments=topology.queue_arguments(queue),
            callback=functools.partial(self._on_depth, queue),
        )

    def do_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` after `seconds`, unless the connection is lost before."""
        if self._connection is not None:
            self._connection.ioloop.call_later(seconds, action)

    def _on_channel_open(self, channel: Any) -> None:
        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(lambda _channel, _reason: self._do_close())
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._on_ready(channel))

    def _on_lost(self) -> None:
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        asking, self._asking = self._asking, {}
        self._next_tag = 1
        self._returned.clear()
        self._declared.clear()
        for _, settle in unconfirmed.values():
            settle(False)
        for answers in asking.values():
            for answer in answers:
                answer(None)
        super()._on_lost()

    def _do_publish_batch(self, parcels: list[Parcel], batch: Batch) -> None:
        for parcel in parcels:
            self.do_publish(parcel, functools.partial(batch.settle, parcel.id))

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        """Note that the queue of a returned message is gone.

        Its confirm, which follows, is then worthless, and the queue must be declared again.
        """
        self._returned.add(properties.message_id)
        self._declared -= {
            name for name in self._declared if topology.physical_name(name) == method.routing_key
        }

    def _on_confirm(self, frame: Any) -> None:
        is_confirmed = isinstance(frame.method, pika.spec.Basic.Ack)
        last: int = frame.method.delivery_tag
        tags = [last]
        if frame.method.multiple:  # tags ascend, so the confirmed ones come first
            tags = list(itertools.takewhile(lambda tag: tag <= last, self._unconfirmed))
        for tag in tags:
            parcel, settle = self._unconfirmed.pop(tag)
            was_returned = str(parcel.id) in self._returned
            self._returned.discard(str(parcel.id))
            settle(is_confirmed and not was_returned)

    def _on_depth(self, queue: str, frame: Any) -> None:
        self._declared.add(queue)
        for answer in self._asking.pop(queue, []):
            answer(frame.method.message_count)


_publisher: Publisher | None = None
_lock = threading.Lock()


def publisher() -> Publisher:
    """Return this process's publisher; its thread starts on first use, so after any fork."""
    global _publisher  # noqa: PLW0603 - one connection a process
    with _lock:
        if _publisher is None or not _publisher.is_alive:
            _publisher = Publisher(settings.RABBITMQ_URL)
        return _publisher


def current() -> Publisher | None:
    """Return this process's publisher, or None where nothing has used it yet."""
    return _publisher


def _forget() -> None:
    global _publisher, _lock
    _publisher, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
