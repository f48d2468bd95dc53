"""Take due tasks straight from the ledger to this process's worker threads, without a message.

With the embedded transport every task comes this way. Beside RabbitMQ a `StandIn` takes the tasks
that no message brings, whatever the reason: RabbitMQ is down, hangs, or has lost messages.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection
from dramatiq import Consumer, MessageProxy

from jobs.failpoints import failpoint
from jobs.process import process_id
from jobs.transport import relay
from jobs.transport.relay import Patience

if TYPE_CHECKING:
    from dramatiq import Broker

    from jobs.ledger.parcels import Parcel

log = structlog.get_logger(__name__)

#: How often an idle process looks for due tasks.
POLL_SECONDS = 0.02
#: How long to wait for PostgreSQL before trying again.
AWAY_SECONDS = 0.5

#: A message takes some milliseconds. If a task has waited this long while a thread was free, its
#: message is taken for lost.
MESSAGE_PATIENCE = timedelta(milliseconds=100)
#: How often a process that is connected to RabbitMQ looks for such tasks.
LATE_POLL_SECONDS = 0.1
#: How often the log says that tasks were taken.
LOG_PAUSE_SECONDS = 30.0
#: The same while no thread is free: messages may then wait behind running tasks, but some of them
#: may be lost.
BUSY_PATIENCE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """The next look for tasks: how many to take, with which patience, and the pause after it."""

    limit: int
    patience: Patience
    pause: float


class Feeder:
    """Takes due tasks from the ledger, no more than the worker threads can hold.

    Dramatiq's worker cannot refuse messages, so this class counts the tasks it has handed out that
    are not settled yet.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._lines: dict[str, Callable[[Parcel], None]] = {}
        self._lock = threading.Lock()
        self._capacity = 1
        self._held: dict[UUID, str] = {}
        self._wake = threading.Event()
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.fed = 0

    def serve(self, queue_name: str, line: Callable[[Parcel], None], *, capacity: int) -> None:
        """Pass the tasks of `queue_name` to `line`, at most `capacity` of them unsettled.

        Tasks that an earlier line of this queue still holds are no longer counted.
        """
        with self._lock:
            self._held = {held: queue for held, queue in self._held.items() if queue != queue_name}
            self._capacity = max(self._capacity, capacity)
            self._lines[queue_name] = line
            self._is_stopping.clear()
        self.keep_running()

    def keep_running(self) -> None:
        """Start the thread again if it has died."""
        with self._lock:
            if not self.is_alive and not self._is_stopping.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="civiclens-feeder", daemon=True
                )
                self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Return whether the feeder's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """Look for due tasks now."""
        self._wake.set()

    def settle(self, task_id: UUID) -> None:
        """Make room for another task: the worker has dealt with this one."""
        with self._lock:
            self._held.pop(task_id, None)
        self._wake.set()

    def stop(self) -> None:
        """Make the thread end after its present look for tasks, without waiting for it."""
        self._is_stopping.set()
        self._wake.set()

    def _run(self) -> None:
        pause, is_unsure = 0.0, True
        while not self._is_stopping.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            try:
                if is_unsure:
                    # A task taken before an error, or before the thread died, may have reached
                    # no consumer.
                    relay.give_back_unbegun(process_id())
                    is_unsure = False
                pause = self._feed()
            except (DatabaseError, InterfaceError) as error:
                log.warning("jobs.feeder_waits", error_type=type(error).__name__)
                connection.close()
                pause, is_unsure = AWAY_SECONDS, True
        connection.close()

    def _feed(self) -> float:
        """Hand out due tasks; return after how many seconds to look again."""
        plan = self._plan()
        if plan.limit <= 0:
            return plan.pause
        queues = list(self._lines)
        parcels = relay.take(queues, process_id(), limit=plan.limit, patience=plan.patience)
        for parcel in parcels:
            self._hand_out(parcel)
        return 0.0 if len(parcels) == plan.limit else plan.pause

    def _hand_out(self, parcel: Parcel) -> None:
        if parcel.actor not in self._broker.actors:
            relay.postpone_unknown(parcel)
            return
        failpoint("feeder", parcel.id)
        with self._lock:
            self._held[parcel.id] = parcel.queue
        self.fed += 1
        self._lines[parcel.queue](parcel)

    @property
    def _room(self) -> int:
        with self._lock:
            return self._capacity - len(self._held)

    def _plan(self) -> Plan:
        return Plan(self._room, Patience(), POLL_SECONDS)


class StandIn(Feeder):
    """Takes the tasks that RabbitMQ should have brought.

    It need not know what is wrong with RabbitMQ or when that ends. If a thread is free and no
    message has brought a due task within MESSAGE_PATIENCE, the message is taken for lost; should it
    come after all, it finds nothing to claim. While this process has no connection to RabbitMQ, due
    tasks are taken at once.
    """

    def __init__(self, broker: Broker, is_cut_off: Callable[[], bool]) -> None:
        super().__init__(broker)
        self._is_cut_off = is_cut_off
        self._free_threads: Callable[[], int] | None = None
        self._next_busy_look = 0.0
        self._next_log_line = 0.0

    def begin(self, free_threads: Callable[[], int]) -> None:
        """Begin to take tasks, for as many threads as `free_threads` returns."""
        self._free_threads = free_threads

    def _plan(self) -> Plan:
        free = self._free_threads() if self._free_threads else 0
        if free <= 0:
            return self._plan_while_busy()
        limit = min(free, self._room)
        if self._is_cut_off():
            return Plan(limit, Patience(timedelta(), MESSAGE_PATIENCE), POLL_SECONDS)
        return Plan(limit, Patience(MESSAGE_PATIENCE, MESSAGE_PATIENCE), LATE_POLL_SECONDS)

    def _hand_out(self, parcel: Parcel) -> None:
        super()._hand_out(parcel)
        if time.monotonic() >= self._next_log_line:
            self._next_log_line = time.monotonic() + LOG_PAUSE_SECONDS
            log.info("jobs.stand_in_took", since_start=self.fed, is_cut_off=self._is_cut_off())

    def _plan_while_busy(self) -> Plan:
        if self._free_threads is None or time.monotonic() < self._next_busy_look:
            return Plan(0, Patience(), POLL_SECONDS)
        self._next_busy_look = time.monotonic() + BUSY_PATIENCE.total_seconds()
        return Plan(self._room, Patience(BUSY_PATIENCE, BUSY_PATIENCE), POLL_SECONDS)


class FedConsumer(Consumer):
    """Consumer of one queue whose tasks all come from the feeder."""

    def __init__(self, feeder: Feeder, queue_name: str, prefetch: int, timeout_ms: int) -> None:
        self._feeder = feeder
        self._timeout = timeout_ms / 1000
        self._messages: SimpleQueue[MessageProxy] = SimpleQueue()
        feeder.serve(queue_name, self._put, capacity=prefetch)

    def __next__(self) -> MessageProxy | None:
        self._feeder.keep_running()
        try:
            return self._messages.get(timeout=self._timeout)
        except Empty:
            return None

    def ack(self, message: MessageProxy) -> None:
        """Make room in the feeder: the worker has dealt with the message."""
        self._feeder.settle(UUID(message.message_id))

    def nack(self, message: MessageProxy) -> None:
        """Make room in the feeder; the ledger already has the task's failure."""
        self._feeder.settle(UUID(message.message_id))

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back to the ledger the tasks that were not begun."""
        relay.give_back([UUID(message.message_id) for message in messages])

    def close(self) -> None:
        """Do nothing: the feeder outlives its consumers."""

    def _put(self, parcel: Parcel) -> None:
        self._messages.put(MessageProxy(parcel.message()))
