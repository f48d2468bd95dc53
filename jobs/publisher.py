"""This process's connection to RabbitMQ: pipelined publisher confirms in a thread of its own.

`BlockingChannel.basic_publish` waits for each confirm; `SelectConnection` has hundreds in flight. Everything whose
name starts with `_on` or `_do` runs in the connection's thread and nowhere else.
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pika
import structlog
from django.conf import settings
from dramatiq import Message
from pika.adapters.select_connection import SelectConnection

from jobs import topology
from jobs.failpoints import failpoint

log = structlog.get_logger(__name__)

#: The fast path stands back behind this many waiting messages: then the relay decides the order.
FAST_PATH_DEPTH_MESSAGES = 100
#: The depth of a queue is asked for again after so long, or after so many messages of our own.
DEPTH_LIFETIME_SECONDS = 0.2
DEPTH_LIFETIME_MESSAGES = 50
RECONNECT_MINIMUM_SECONDS = 0.2
RECONNECT_MAXIMUM_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task on its way to RabbitMQ: no arguments travel, the claim reads them from the ledger."""

    id: UUID
    actor: str
    queue: str


class Batch:
    """Parcels whose confirms somebody waits for."""

    def __init__(self, parcels: Iterable[Parcel]) -> None:
        self.confirmed: set[UUID] = set()
        self._open = {parcel.id for parcel in parcels}
        self._lock = threading.Lock()
        self._is_settled = threading.Event()
        if not self._open:
            self._is_settled.set()

    def settle(self, parcel_id: UUID, *, is_confirmed: bool) -> None:
        """One parcel has arrived, or will not."""
        with self._lock:
            self._open.discard(parcel_id)
            if is_confirmed:
                self.confirmed.add(parcel_id)
            if not self._open:
                self._is_settled.set()

    def wait(self, timeout: float) -> set[UUID]:
        """The ids RabbitMQ has confirmed once all are settled or `timeout` seconds have passed."""
        self._is_settled.wait(timeout)
        with self._lock:
            return set(self.confirmed)


@dataclass(slots=True)
class _Depth:
    """What is known of how many messages wait in one queue."""

    messages: int = 0
    asked_at: float = 0.0
    published_since: int = 0
    is_asking: bool = False
    waiting: list[Callable[[int | None], None]] = field(default_factory=list)

    @property
    def estimate(self) -> int:
        return self.messages + self.published_since

    @property
    def is_stale(self) -> bool:
        is_old = time.monotonic() - self.asked_at > DEPTH_LIFETIME_SECONDS
        return is_old or self.published_since >= DEPTH_LIFETIME_MESSAGES


class Publisher:
    """The way of this process to RabbitMQ; reconnects for ever, loses nothing that was confirmed."""

    def __init__(self, url: str) -> None:
        self._parameters = topology.connection_parameters(url)
        self._inbox: deque[Callable[[], None]] = deque()
        self._is_draining = False
        self._connection: SelectConnection | None = None
        self._channel: Any = None
        self._is_blocked = False
        self._depths: dict[str, _Depth] = {}
        self._unconfirmed: dict[int, tuple[Parcel, Batch | None]] = {}
        self._next_tag = 1
        self._returned: set[str] = set()
        self.confirmed: deque[tuple[float, UUID]] = deque()
        self.has_confirmed = threading.Event()
        self.missed = 0
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="civiclens-publisher", daemon=True)
        self._thread.start()

    # --- For any thread -------------------------------------------------------------------------
    @property
    def is_connected(self) -> bool:
        """Whether RabbitMQ takes messages right now."""
        return self._channel is not None and not self._is_blocked

    @property
    def is_blocked(self) -> bool:
        """Whether RabbitMQ is connected but takes nothing, as with its memory alarm on."""
        return self._is_blocked

    @property
    def is_alive(self) -> bool:
        """Whether the connection's thread runs."""
        return self._thread.is_alive()

    def offer(self, parcels: Iterable[Parcel]) -> None:
        """Publish `parcels` soon if RabbitMQ is near idle; never waits, never fails. The relay takes the rest."""
        now = time.monotonic()
        self._call(functools.partial(self._do_offer, [(now, parcel) for parcel in parcels]))

    def publish(self, parcels: list[Parcel], timeout: float = 5.0) -> set[UUID]:
        """Publish all `parcels`; return the ids that RabbitMQ confirmed within `timeout` seconds."""
        if not self.is_connected:
            return set()
        batch = Batch(parcels)
        self._call(functools.partial(self._do_publish_batch, parcels, batch))
        return batch.wait(timeout)

    def depth(self, queue: str, timeout: float = 2.0) -> int | None:
        """How many messages wait in `queue`; None when RabbitMQ cannot say. Declares the queue."""
        return self._ask(functools.partial(self._do_ask_depth, queue), timeout)

    def is_new_incarnation(self, timeout: float = 2.0) -> bool:
        """Whether RabbitMQ was restarted or wiped since this was last asked by anybody."""
        return self._ask(self._do_ask_incarnation, timeout) == 0

    def stop(self) -> None:
        """Close the connection; what is unconfirmed is the relay's."""
        self._is_stopping = True
        self._call(self._do_close)
        self._thread.join(timeout=5)

    def _ask(self, question: Callable[[Callable[[int | None], None]], None], timeout: float) -> int | None:
        if not self.is_connected:
            return None
        answer: list[int | None] = []
        is_answered = threading.Event()

        def take(count: int | None) -> None:
            answer.append(count)
            is_answered.set()

        self._call(functools.partial(question, take))
        is_answered.wait(timeout)
        return answer[0] if answer else None

    def _call(self, action: Callable[[], None]) -> None:
        self._inbox.append(action)
        connection = self._connection
        if not self._is_draining and connection is not None:
            self._is_draining = True
            connection.ioloop.add_callback_threadsafe(self._do_drain)

    # --- The connection's thread ----------------------------------------------------------------
    def _run(self) -> None:
        pause = RECONNECT_MINIMUM_SECONDS
        while not self._is_stopping:
            started_at = time.monotonic()
            try:
                self._connection = SelectConnection(
                    self._parameters,
                    on_open_callback=self._on_open,
                    on_open_error_callback=self._on_closed,
                    on_close_callback=self._on_closed,
                )
                self._is_draining = False
                self._connection.ioloop.start()
            except Exception as error:  # noqa: BLE001 - the thread must outlive any fault of the connection
                log.warning("jobs.publisher_failed", error_type=type(error).__name__)
            ended, self._connection = self._connection, None
            if ended is not None:
                ended.ioloop.close()
            self._on_lost()
            pause = RECONNECT_MINIMUM_SECONDS if time.monotonic() - started_at > pause * 4 else pause * 2
            time.sleep(min(pause, RECONNECT_MAXIMUM_SECONDS))

    def _on_open(self, connection: SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._on_blocked(is_blocked=True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._on_blocked(is_blocked=False))
        connection.channel(on_open_callback=self._on_channel_open)

    def _on_channel_open(self, channel: Any) -> None:
        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(lambda _channel, _reason: self._do_close())
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._on_ready(channel))

    def _on_ready(self, channel: Any) -> None:
        self._channel = channel
        log.info("jobs.publisher_connected")
        self._do_drain()

    def _on_closed(self, connection: SelectConnection, _reason: object) -> None:
        connection.ioloop.stop()

    def _on_blocked(self, *, is_blocked: bool) -> None:
        self._is_blocked = is_blocked
        log.warning("jobs.broker_blocked" if is_blocked else "jobs.broker_unblocked")

    def _on_lost(self) -> None:
        """Nobody waits any longer for what this connection had under way."""
        self._channel = None
        self._is_blocked = False
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        depths, self._depths = self._depths, {}
        self._next_tag = 1
        self._returned.clear()
        for parcel, batch in unconfirmed.values():
            self._settle(parcel, batch, is_confirmed=False)
        for depth in depths.values():
            for answer in depth.waiting:
                answer(None)
        self._do_drain()

    def _do_close(self) -> None:
        if self._connection is not None and self._connection.is_open:
            self._connection.close()

    def _do_drain(self) -> None:
        self._is_draining = False
        if self._connection is not None and self._channel is None:
            return  # still connecting: what waits is done when the channel is ready
        while self._inbox:
            self._inbox.popleft()()

    def _do_offer(self, offered: list[tuple[float, Parcel]]) -> None:
        for offered_at, parcel in offered:
            self._do_publish_fast(offered_at, parcel)

    def _do_publish_fast(self, offered_at: float, parcel: Parcel) -> None:
        is_late = time.monotonic() - offered_at > settings.JOBS_FAST_PATH_GRACE_SECONDS / 2
        if self._channel is None or self._is_blocked or is_late:
            self.missed += 1
            return
        depth = self._depths.setdefault(parcel.queue, _Depth())
        if depth.asked_at == 0.0:
            self._do_ask_depth(parcel.queue, lambda _count: self._do_publish_fast(offered_at, parcel))
            return
        if depth.is_stale and not depth.is_asking:
            self._do_ask_depth(parcel.queue, lambda _count: None)
        if depth.estimate >= FAST_PATH_DEPTH_MESSAGES:
            self.missed += 1
            return
        self._do_publish(parcel, None)

    def _do_publish_batch(self, parcels: list[Parcel], batch: Batch) -> None:
        for parcel in parcels:
            if self._channel is None or self._is_blocked:
                batch.settle(parcel.id, is_confirmed=False)
            else:
                self._do_publish(parcel, batch)

    def _do_publish(self, parcel: Parcel, batch: Batch | None) -> None:
        message: Message[Any] = Message(
            queue_name=parcel.queue,
            actor_name=parcel.actor,
            args=(),
            kwargs={},
            options={},
            message_id=str(parcel.id),
        )
        self._unconfirmed[self._next_tag] = (parcel, batch)
        self._next_tag += 1
        failpoint("publisher", parcel.id)
        self._channel.basic_publish(
            exchange="",
            routing_key=topology.physical_name(parcel.queue),
            body=message.encode(),
            properties=pika.BasicProperties(delivery_mode=2, message_id=str(parcel.id)),
            mandatory=True,
        )
        self._depths.setdefault(parcel.queue, _Depth()).published_since += 1

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        """The queue is gone: the confirm that follows is worthless, and the queue must be declared again."""
        self._returned.add(properties.message_id)
        for queue, depth in self._depths.items():
            if topology.physical_name(queue) == method.routing_key:
                depth.asked_at = 0.0

    def _on_confirm(self, frame: Any) -> None:
        is_confirmed = isinstance(frame.method, pika.spec.Basic.Ack)
        last: int = frame.method.delivery_tag
        tags = [last]
        if frame.method.multiple:  # tags ascend, so the confirmed ones come first
            tags = list(itertools.takewhile(lambda tag: tag <= last, self._unconfirmed))
        for tag in tags:
            if tag not in self._unconfirmed:
                continue  # the incarnation's message
            parcel, batch = self._unconfirmed.pop(tag)
            was_returned = str(parcel.id) in self._returned
            self._returned.discard(str(parcel.id))
            self._settle(parcel, batch, is_confirmed=is_confirmed and not was_returned)

    def _settle(self, parcel: Parcel, batch: Batch | None, *, is_confirmed: bool) -> None:
        if batch is not None:
            batch.settle(parcel.id, is_confirmed=is_confirmed)
        elif is_confirmed:
            self.confirmed.append((time.monotonic(), parcel.id))
            self.has_confirmed.set()
        else:
            self.missed += 1

    def _do_ask_depth(self, queue: str, answer: Callable[[int | None], None]) -> None:
        if self._channel is None:
            answer(None)
            return
        depth = self._depths.setdefault(queue, _Depth())
        depth.waiting.append(answer)
        if depth.is_asking:
            return
        depth.is_asking = True
        self._channel.queue_declare(
            topology.dead_letter_name(queue), durable=True, arguments=topology.dead_letter_arguments()
        )
        self._channel.queue_declare(
            topology.physical_name(queue),
            durable=True,
            arguments=topology.queue_arguments(queue),
            callback=functools.partial(self._on_depth, queue),
        )

    def _on_depth(self, queue: str, frame: Any) -> None:
        depth = self._depths.setdefault(queue, _Depth())
        depth.messages = frame.method.message_count
        depth.asked_at = time.monotonic()
        depth.published_since = 0
        depth.is_asking = False
        waiting, depth.waiting = depth.waiting, []
        for answer in waiting:
            answer(depth.messages)

    def _do_ask_incarnation(self, answer: Callable[[int | None], None]) -> None:
        if self._channel is None:
            answer(None)
            return
        self._channel.queue_declare(
            topology.incarnation_name(),
            durable=True,
            arguments=topology.incarnation_arguments(),
            callback=functools.partial(self._on_incarnation, answer),
        )

    def _on_incarnation(self, answer: Callable[[int | None], None], frame: Any) -> None:
        count: int = frame.method.message_count
        if count == 0:
            self._next_tag += 1  # confirmed like any other message, but nobody waits for it
            self._channel.basic_publish("", topology.incarnation_name(), b"", pika.BasicProperties(delivery_mode=1))
        answer(count)


_publisher: Publisher | None = None
_lock = threading.Lock()


def publisher() -> Publisher:
    """This process's publisher; its thread starts on first use, so after any fork."""
    global _publisher  # noqa: PLW0603 - one connection a process
    with _lock:
        if _publisher is None or not _publisher.is_alive:
            _publisher = Publisher(settings.RABBITMQ_URL)
        return _publisher


def current() -> Publisher | None:
    """This process's publisher, if anything here has used it yet."""
    return _publisher


def _forget() -> None:
    global _publisher, _lock
    _publisher, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
