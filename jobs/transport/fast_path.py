"""The fast path: publish a new task to RabbitMQ right after its commit, without the relay.

It is used only while few messages wait in a queue. Behind more of them workers read the ledger
themselves (`jobs.execution.backlog`), and one more message would wake no thread. The relay hands on
what the fast path leaves, as soon as its grace is over; a stand-in (`jobs.transport.feeder`) takes
what no message brings.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection

from jobs.ledger import outbox, transitions
from jobs.ledger.database import execute
from jobs.ledger.parcels import Parcel
from jobs.loops import Loop
from jobs.transport.publisher import Publisher, publisher

#: With so many waiting messages the fast path publishes no more.
DEPTH_MESSAGES = 16
#: A queue's depth is asked for again after this time, or after this many messages of our own.
DEPTH_LIFETIME_SECONDS = 0.2
DEPTH_LIFETIME_MESSAGES = 6
#: How often a closed gate asks whether the workers have emptied the queue.
CLOSED_SECONDS = 0.01
#: A confirmed task that is not claimed within this time is marked, so that the relay does not
#: publish it again. Most are claimed sooner, and cost no statement.
MARK_AFTER_SECONDS = 0.1


@dataclass(slots=True)
class _Gate:
    """The state of one queue as this process knows it: open while few messages wait.

    The last parcels that were put off are published when the gate opens again.
    """

    generation: int
    depth: int | None = None
    asked_at: float = 0.0
    published: int = 0
    is_asking: bool = False
    is_closed: bool = False
    put_off: deque[Parcel] = field(default_factory=lambda: deque(maxlen=DEPTH_MESSAGES))

    @property
    def is_full(self) -> bool:
        return self.is_closed or (self.depth or 0) + self.published >= DEPTH_MESSAGES

    @property
    def is_stale(self) -> bool:
        is_old = time.monotonic() - self.asked_at > DEPTH_LIFETIME_SECONDS
        return is_old or self.published >= DEPTH_LIFETIME_MESSAGES

    def learn(self, depth: int) -> None:
        self.depth, self.asked_at, self.published, self.is_asking = (
            depth,
            time.monotonic(),
            0,
            False,
        )


class FastPath:
    """The fast path of one process; its `_do` and `_on` methods run in the publisher's thread."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self._gates: dict[str, _Gate] = {}
        self.confirmed: deque[tuple[float, UUID]] = deque()
        self.missed = 0

    def offer(self, parcels: Iterable[Parcel]) -> None:
        """Publish `parcels` soon if few messages wait; never block, never raise."""
        now = time.monotonic()
        offered = [(now, parcel) for parcel in parcels if not self._is_put_off(parcel)]
        if offered:
            self.publisher.call(functools.partial(self._do_offer, offered))

    def _is_put_off(self, parcel: Parcel) -> bool:
        gate = self._gates.get(parcel.queue)
        if gate is None or gate.generation != self.publisher.generation or not gate.is_closed:
            return False
        self._put_off(gate, parcel)
        return True

    def _put_off(self, gate: _Gate, parcel: Parcel) -> None:
        gate.put_off.append(parcel)
        self.missed += 1

    def _gate(self, queue: str) -> _Gate:
        gate = self._gates.get(queue)
        if gate is None or gate.generation != self.publisher.generation:
            gate = self._gates[queue] = _Gate(self.publisher.generation)
        return gate

    def _do_offer(self, offered: list[tuple[float, Parcel]]) -> None:
        for offered_at, parcel in offered:
            self._do_offer_one(offered_at, parcel)

    def _do_offer_one(self, offered_at: float, parcel: Parcel) -> None:
        is_late = time.monotonic() - offered_at > settings.JOBS_FAST_PATH_GRACE_SECONDS / 2
        if is_late or not self.publisher.is_connected:
            self.missed += 1
            return
        gate = self._gate(parcel.queue)
        if gate.depth is None:
            self.publisher.do_ask_depth(
                parcel.queue, functools.partial(self._on_first_depth, gate, offered_at, parcel)
            )
            return
        if gate.is_full:
            self._put_off(gate, parcel)
            self._do_close(gate, parcel.queue)
        else:
            self._do_publish(gate, parcel)
        if (
            gate.is_stale and not gate.is_asking
        ):  # afterwards: the message need not wait for the answer
            gate.is_asking = True
            self.publisher.do_ask_depth(parcel.queue, functools.partial(self._on_depth, gate))

    def _do_publish(self, gate: _Gate, parcel: Parcel) -> None:
        gate.published += 1
        self.publisher.do_publish(parcel, functools.partial(self._settle, gate, parcel.id))

    def _settle(self, gate: _Gate, task_id: UUID, is_confirmed: bool) -> None:
        if is_confirmed:
            self.confirmed.append((time.monotonic(), task_id))
        else:
            gate.depth = None  # its queue may be gone: asking declares it
            self.missed += 1

    def _on_first_depth(
        self, gate: _Gate, offered_at: float, parcel: Parcel, depth: int | None
    ) -> None:
        if gate.depth is None:  # else it is known since, and may have been added to
            self._on_depth(gate, depth)
        self._do_offer_one(offered_at, parcel)

    def _on_depth(self, gate: _Gate, depth: int | None) -> None:
        if depth is not None:
            gate.learn(depth)

    def _do_close(self, gate: _Gate, queue: str) -> None:
        """Put off new parcels, and ask again shortly whether the workers have emptied the queue."""
        if not gate.is_closed:
            gate.is_closed = True
            self._do_look_again(gate, queue)

    def _do_look_again(self, gate: _Gate, queue: str) -> None:
        answer = functools.partial(self._on_second_look, gate, queue)
        self.publisher.do_later(CLOSED_SECONDS, lambda: self.publisher.do_ask_depth(queue, answer))

    def _on_second_look(self, gate: _Gate, queue: str, depth: int | None) -> None:
        if depth is None:
            return  # the connection is lost, and what was known with it
        gate.learn(depth)
        if depth >= DEPTH_MESSAGES:
            self._do_look_again(gate, queue)
            return
        gate.is_closed = False
        while gate.put_off:
            self._do_publish(gate, gate.put_off.popleft())


def offer(parcels: list[Parcel]) -> None:
    """Publish `parcels` if RabbitMQ is nearly idle; never block, never raise."""
    fast_path().offer(parcels)
    _keep_marking()


def mark_confirmed() -> None:
    """Mark the tasks that RabbitMQ confirmed a while ago and that still wait."""
    confirmed = fast_path().confirmed
    ripe = set()
    while confirmed and confirmed[0][0] < time.monotonic() - MARK_AFTER_SECONDS:
        ripe.add(confirmed.popleft()[1])
    if ripe:
        mark_published(ripe)
        connection.close()


def mark_published(task_ids: set[UUID]) -> None:
    """Mark waiting tasks as published, so that the relay does not publish them again.

    Tasks of a queue with a rate are not marked: there only tasks that the relay hands on may start.
    Nor is a task marked that a worker has handed back meanwhile after acknowledging its message:
    its `publish_at` differs from the one it was sent with.
    """
    execute(
        f"""
        UPDATE jobs_task SET publish_at = NULL, published_at = created_at
        WHERE id = ANY(%s) AND {transitions.IS_WAITING} AND publish_at = created_at + %s
          AND NOT EXISTS (SELECT FROM jobs_queue WHERE name = jobs_task.queue
              AND rate_per_minute IS NOT NULL)
        """,  # noqa: S608 - constants only
        (list(task_ids), outbox.fast_path_grace()),
    )


_lock = threading.Lock()
_path: FastPath | None = None
_marker: Loop | None = None


def fast_path() -> FastPath:
    """Return this process's fast path, over its present publisher."""
    global _path  # noqa: PLW0603 - one a process
    present = publisher()
    with _lock:
        if _path is None or _path.publisher is not present:
            _path = FastPath(present)
        return _path


def current() -> FastPath | None:
    """Return this process's fast path, or None where nothing has used it yet."""
    return _path


def _keep_marking() -> None:
    global _marker  # noqa: PLW0603 - one marker a process
    if _marker is not None and _marker.is_alive():
        return
    with _lock:
        if _marker is None or not _marker.is_alive():
            _marker = Loop("mark", MARK_AFTER_SECONDS, mark_confirmed)
            _marker.start()


def _forget() -> None:
    global _path, _marker, _lock
    _path, _marker, _lock = None, None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
