"""This process's way to RabbitMQ: pipelined publisher confirms on a connection of its own.

`BlockingChannel.basic_publish` waits for each confirm; a `Link` has hundreds in flight.
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

from jobs.failpoints import failpoint
from jobs.transport import topology
from jobs.transport.link import Link

log = structlog.get_logger(__name__)

#: Messages are not written to RabbitMQ's disk: what a restart loses is noticed and published again
#: from the ledger.
TRANSIENT = 1
#: The fast path stands back behind this many waiting messages: workers look into the ledger
#: themselves then.
FAST_PATH_DEPTH_MESSAGES = 16
#: The depth of a queue is asked for again after so long, or after so many messages of our own.
DEPTH_LIFETIME_SECONDS = 0.2
DEPTH_LIFETIME_MESSAGES = 6
#: After so long the fast path looks whether its workers are through with what waited.
CLOSED_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task on its way to RabbitMQ: no arguments travel, the claim reads them from the ledger."""

    id: UUID
    actor: str
    queue: str

    def message(self) -> Message[Any]:
        """The parcel as a Dramatiq message of the logical queue."""
        return Message(self.queue, self.actor, (), {}, {}, str(self.id))


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
    is_closed: bool = False
    put_off: deque[Parcel] = field(default_factory=lambda: deque(maxlen=FAST_PATH_DEPTH_MESSAGES))

    @property
    def estimate(self) -> int:
        return self.messages + self.published_since

    @property
    def is_stale(self) -> bool:
        is_old = time.monotonic() - self.asked_at > DEPTH_LIFETIME_SECONDS
        return is_old or self.published_since >= DEPTH_LIFETIME_MESSAGES


class Publisher(Link):
    """The way of this process to RabbitMQ; loses nothing that was confirmed."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "publisher")
        self._depths: dict[str, _Depth] = {}
        self._unconfirmed: dict[int, tuple[Parcel, Batch | None]] = {}
        self._next_tag = 1
        self._returned: set[str] = set()
        self.confirmed: deque[tuple[float, UUID]] = deque()
        self.missed = 0
        self.start()

    # --- For any thread -------------------------------------------------------------------------
    def offer(self, parcels: Iterable[Parcel]) -> None:
        """Publish `parcels` soon if RabbitMQ is near idle; never waits, never fails.

        The relay takes the rest.
        """
        now = time.monotonic()
        wanted = [(now, parcel) for parcel in parcels if not self._is_put_off(parcel)]
        if wanted:
            self._call(functools.partial(self._do_offer, wanted))

    def _is_put_off(self, parcel: Parcel) -> bool:
        """Whether so many messages wait in the queue that nobody's thread need be woken for one
        more.
        """
        depth = self._depths.get(parcel.queue)
        if depth is None or not depth.is_closed:
            return False
        depth.put_off.append(parcel)
        self.missed += 1
        return True

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
        """Whether RabbitMQ was restarted or wiped since anybody last called `mark_incarnation`."""
        return self._ask(self._do_ask_incarnation, timeout) == 0

    def mark_incarnation(self) -> None:
        """RabbitMQ is known until it is restarted or wiped again."""
        self._call(self._do_mark_incarnation)

    def _ask(
        self, question: Callable[[Callable[[int | None], None]], None], timeout: float
    ) -> int | None:
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

    # --- The connection's thread ----------------------------------------------------------------
    def _on_channel_open(self, channel: Any) -> None:
        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(lambda _channel, _reason: self._do_close())
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._on_ready(channel))

    def _on_lost(self) -> None:
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        depths, self._depths = self._depths, {}
        self._next_tag = 1
        self._returned.clear()
        for parcel, batch in unconfirmed.values():
            self._settle(parcel, batch, is_confirmed=False)
        for depth in depths.values():
            for answer in depth.waiting:
                answer(None)
        super()._on_lost()

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
            self._do_ask_depth(
                parcel.queue, lambda _count: self._do_publish_fast(offered_at, parcel)
            )
            return
        if depth.is_closed or depth.estimate >= FAST_PATH_DEPTH_MESSAGES:
            self._do_close_fast_path(depth, parcel)
        else:
            self._do_publish(parcel, None)
        if (
            depth.is_stale and not depth.is_asking
        ):  # afterwards: the message need not wait for the answer
            self._do_ask_depth(parcel.queue, lambda _count: None)

    def _do_close_fast_path(self, depth: _Depth, parcel: Parcel) -> None:
        """Workers have enough to find more; look again later whether they still have, and tell them
        what came last.
        """
        depth.put_off.append(parcel)
        self.missed += 1
        if not depth.is_closed:
            depth.is_closed = True
            self._do_reopen_later(parcel.queue)

    def _do_reopen_later(self, queue: str) -> None:
        if self._connection is not None:
            ask = functools.partial(
                self._do_ask_depth, queue, functools.partial(self._on_reopening, queue)
            )
            self._connection.ioloop.call_later(CLOSED_SECONDS, ask)

    def _on_reopening(self, queue: str, count: int | None) -> None:
        if count is None:
            return  # the connection is lost, and what was known with it
        if count >= FAST_PATH_DEPTH_MESSAGES:
            self._do_reopen_later(queue)
            return
        depth = self._depths[queue]
        depth.is_closed = False
        while depth.put_off:
            self._do_publish(depth.put_off.popleft(), None)

    def _do_publish_batch(self, parcels: list[Parcel], batch: Batch) -> None:
        for parcel in parcels:
            if self._channel is None or self._is_blocked:
                batch.settle(parcel.id, is_confirmed=False)
            else:
                self._do_publish(parcel, batch)

    def _do_publish(self, parcel: Parcel, batch: Batch | None) -> None:
        self._unconfirmed[self._next_tag] = (parcel, batch)
        self._next_tag += 1
        failpoint("publisher", parcel.id)
        self._channel.basic_publish(
            exchange="",
            routing_key=topology.physical_name(parcel.queue),
            body=parcel.message().encode(),
            properties=pika.BasicProperties(delivery_mode=TRANSIENT, message_id=str(parcel.id)),
            mandatory=True,
        )
        self._depths.setdefault(parcel.queue, _Depth()).published_since += 1

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        """The queue is gone: the confirm that follows is worthless, and the queue must be declared
        again.
        """
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
        if depth.asked_at == 0.0:  # nor is this known to be there
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
            callback=lambda frame: answer(frame.method.message_count),
        )

    def _do_mark_incarnation(self) -> None:
        if self._channel is None:
            return  # whoever asks next sees it unmarked
        self._next_tag += 1  # confirmed like any other message, but nobody waits for it
        self._channel.basic_publish(
            "", topology.incarnation_name(), b"", pika.BasicProperties(delivery_mode=TRANSIENT)
        )


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
