"""The embedded transport: one thread a process takes due tasks from the ledger and feeds the worker
threads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection
from dramatiq import Consumer, MessageProxy
from dramatiq.errors import ConnectionClosed

from jobs.process import process_id
from jobs.transport import relay

if TYPE_CHECKING:
    from jobs.transport.brokers import EmbeddedLedgerBroker

log = structlog.get_logger(__name__)

#: How often an idle process looks for due tasks.
POLL_SECONDS = 0.02
#: How long to wait for PostgreSQL before trying again.
AWAY_SECONDS = 0.5


class Feeder:
    """Takes no more tasks from the ledger than the worker threads can hold.

    Dramatiq's worker has no backpressure, so messages that are not acknowledged yet are counted
    here.
    """

    def __init__(self, broker: EmbeddedLedgerBroker) -> None:
        self._broker = broker
        self._lines: dict[str, queue.SimpleQueue[MessageProxy]] = {}
        self._lock = threading.Lock()
        self._capacity = 1
        self._held = 0
        self._wake = threading.Event()
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def consumer(self, queue_name: str, *, prefetch: int, timeout_ms: int) -> FedConsumer:
        """A consumer for `queue_name`; the first one starts the thread."""
        with self._lock:
            self._capacity = max(self._capacity, prefetch)
            line = self._lines.setdefault(queue_name, queue.SimpleQueue())
            if not self.is_alive:
                self._is_stopping.clear()
                self._thread = threading.Thread(
                    target=self._run, name="civiclens-feeder", daemon=True
                )
                self._thread.start()
        return FedConsumer(self, line, timeout_ms / 1000)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """Look for due tasks now."""
        self._wake.set()

    def settle(self) -> None:
        """One message has been dealt with."""
        with self._lock:
            self._held -= 1
        self._wake.set()

    def stop(self) -> None:
        """Take nothing more."""
        self._is_stopping.set()
        self._wake.set()

    def _run(self) -> None:
        pause, is_unsure = 0.0, True
        while not self._is_stopping.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            try:
                if (
                    is_unsure
                ):  # what was taken before an error, or before the thread died, may be on no line
                    relay.give_back_unbegun(process_id())
                    is_unsure = False
                pause = 0.0 if self._feed() else POLL_SECONDS
            except (DatabaseError, InterfaceError) as error:
                log.warning("jobs.feeder_waits", error_type=type(error).__name__)
                connection.close()
                pause, is_unsure = AWAY_SECONDS, True
        connection.close()

    def _feed(self) -> bool:
        """Hand out what is due; return whether more may be."""
        with self._lock:
            room = self._capacity - self._held
            queues = list(self._lines)
        if room <= 0:
            return False
        parcels = relay.take(queues, process_id(), limit=room)
        for parcel in parcels:
            if parcel.actor not in self._broker.actors:
                relay.postpone_unknown(parcel)
                continue
            with self._lock:
                self._held += 1
            self._lines[parcel.queue].put(MessageProxy(parcel.message()))
        return len(parcels) == room


class FedConsumer(Consumer):
    """One queue's end of the feeder."""

    def __init__(
        self, feeder: Feeder, line: queue.SimpleQueue[MessageProxy], timeout: float
    ) -> None:
        self._feeder = feeder
        self._line = line
        self._timeout = timeout

    def __next__(self) -> MessageProxy | None:
        if not self._feeder.is_alive:
            raise ConnectionClosed(
                RuntimeError("The feeder's thread has died.")
            )  # Dramatiq consumes anew
        try:
            return self._line.get(timeout=self._timeout)
        except queue.Empty:
            return None

    def ack(self, message: MessageProxy) -> None:
        """The message has been dealt with."""
        self._feeder.settle()

    def nack(self, message: MessageProxy) -> None:
        """The message has been dealt with; its failure is in the ledger."""
        self._feeder.settle()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back what was not begun."""
        relay.give_back([UUID(message.message_id) for message in messages])

    def close(self) -> None:
        """Nothing to close: the feeder outlives its consumers."""
