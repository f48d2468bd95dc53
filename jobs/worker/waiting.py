"""Run bulk work that waits for other machines in threads of its own, in every worker process.

A feed that answers slowly may take minutes. In a thread for bulk work it would hold up imports and
nightly tasks all that time, and they would hold up the feed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog
from django.db import DatabaseError, InterfaceError, connection
from dramatiq import get_broker

from jobs.execution import attempts
from jobs.execution.declaration import LedgerActor
from jobs.ledger.parcels import Parcel
from jobs.process import process_id
from jobs.transport import relay

log = structlog.get_logger(__name__)

#: How many such tasks a process runs at once, and how often it looks for the next one.
THREADS, POLL_SECONDS = 4, 0.5


def waiting_actors(queues: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the actors of these queues that mostly wait for other machines."""
    actors = get_broker().actors.values()
    return tuple(
        sorted(
            actor.actor_name
            for actor in actors
            if isinstance(actor, LedgerActor)  # libraries declare plain ones
            and actor.policy.is_waiting
            and actor.queue_name in queues
        )
    )


class WaitingThreads:
    """The threads for bulk tasks of actors that mostly wait: one for each task that runs.

    Another thread looks for such tasks while there is room for one.
    """

    def __init__(self, queues: Sequence[str]) -> None:
        self._queues = list(queues)
        self._actors = relay.Actors(only=waiting_actors(queues))
        self._is_ending = threading.Event()
        self._room = threading.Semaphore(THREADS)
        self._running: set[threading.Thread] = set()
        self._looking = threading.Thread(target=self._look, name="civiclens-waiting", daemon=True)

    def start(self) -> None:
        """Begin to look for tasks, where an actor of these queues has any."""
        if self._actors.only:
            self._looking.start()

    def end(self) -> None:
        """Begin no new tasks."""
        self._is_ending.set()

    def join(self, *, until: float) -> None:
        """Wait for the running tasks until this time of the monotonic clock."""
        for thread in {self._looking, *self._running}:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def _look(self) -> None:
        while not self._is_ending.is_set():
            parcel = self._next() if self._room.acquire(timeout=POLL_SECONDS) else None
            if parcel is not None:
                self._begin(parcel)
        connection.close()

    def _next(self) -> Parcel | None:
        """Return the next task; if there is none, give its room back and pause."""
        parcels: list[Parcel] = []
        try:
            parcels = relay.take(
                self._queues, process_id(), limit=1, is_bulk=True, actors=self._actors
            )
        except (DatabaseError, InterfaceError) as error:
            log.warning("jobs.waiting_work_waits", error_type=type(error).__name__)
            connection.close()
        if not parcels:
            self._room.release()
            self._is_ending.wait(POLL_SECONDS)
        return parcels[0] if parcels else None

    def _begin(self, parcel: Parcel) -> None:
        thread = threading.Thread(
            target=self._run, args=[parcel], name=f"civiclens-{parcel.actor}", daemon=True
        )
        self._running.add(thread)
        thread.start()

    def _run(self, parcel: Parcel) -> None:
        try:
            attempts.run(attempts.actor_named(parcel.actor), parcel.id, process_id())
        except Exception:
            log.exception("jobs.waiting_work_failed", task_id=str(parcel.id))
        finally:
            connection.close()
            self._running.discard(threading.current_thread())
            self._room.release()
