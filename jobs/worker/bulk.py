"""Run bulk work in threads of its own, in every worker process.

The threads that messages wake never run bulk work. So a person's task finds one of them free
however many imports, rebuilds and nightly tasks are under way, and bulk work advances however busy
the other threads are. Bulk work is taken straight from the ledger with either transport: none of it
fills RabbitMQ.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from queue import Queue
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection
from dramatiq import get_broker

from jobs.execution import attempts, bundles, current
from jobs.process import process_id
from jobs.transport import relay
from jobs.worker.waiting import WaitingThreads, waiting_actors

log = structlog.get_logger(__name__)

#: How often an idle process looks for bulk work.
POLL_SECONDS = 0.2
#: How long a queue's turn lasts before the bulk work of the next queue runs.
TURN_SECONDS = 0.5
#: How long a bulk thread leaves the processor to others after a task while messages wait.
REST_FACTOR, REST_MAXIMUM_SECONDS = 3, 5.0
#: How long a process that ends waits for the tasks that its bulk threads have begun.
END_SECONDS = 5.0


class BulkThreads:
    """The threads for bulk work: one fewer than the process has for everything else, at least one.

    While the process runs anything else, only the first of them begins new tasks: the others would
    take the interpreter from it. While messages wait for a thread, the first one rests after each
    task, REST_FACTOR times as long as the task took.
    """

    def __init__(
        self, queues: Sequence[str], worker_threads: int, messages: Queue[Any] | None = None
    ) -> None:
        self._queues = list(queues)
        self._waiting, self._waiting_actors = WaitingThreads(queues), waiting_actors(queues)
        self._messages = messages
        self._is_ending = threading.Event()
        self._is_behind = threading.Event()  # the first thread has found work
        self._threads = [
            threading.Thread(
                target=self._run, args=[place], name=f"civiclens-bulk-{place}", daemon=True
            )
            for place in range(max(worker_threads - 1, 1))
        ]

    def start(self) -> None:
        """Start the threads, which then look for bulk work."""
        self._waiting.start()
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Begin no new tasks."""
        self._waiting.end()
        self._is_ending.set()
        self._is_behind.set()

    def join(self) -> None:
        """Wait for the running tasks to end, END_SECONDS at most; other workers rescue the rest."""
        ends_at = time.monotonic() + END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        self._waiting.join(until=ends_at)

    def _run(self, place: int) -> None:
        while not self._is_ending.is_set():
            if place > 0 and not self._is_behind.wait(1):
                continue
            try:
                has_run = self._work_off(place)
            except (DatabaseError, InterfaceError) as error:
                log.warning("jobs.bulk_waits", error_type=type(error).__name__)
                connection.close()
                has_run = False
            except Exception:
                log.exception("jobs.bulk_failed")
                has_run = False
            if not has_run:
                self._is_ending.wait(POLL_SECONDS)
        connection.close()

    def _work_off(self, place: int) -> bool:
        """Give each queue that has bulk work a turn; return whether any task ran."""
        has_run, queues = False, relay.queues_with_bulk(self._queues)
        if queues:
            self._is_behind.set()
        elif place == 0:
            self._is_behind.clear()
        for queue in queues:
            ends_at = time.monotonic() + TURN_SECONDS
            while time.monotonic() < ends_at and self._may_begin(place) and self._run_next(queue):
                has_run = True
        return has_run

    def _run_next(self, queue: str) -> bool:
        began_at = time.monotonic()
        has_run = run_next(queue, self._waiting_actors)
        if has_run and self._messages is not None and not self._messages.empty():
            rest = REST_FACTOR * (time.monotonic() - began_at)
            self._is_ending.wait(min(rest, REST_MAXIMUM_SECONDS))
        return has_run

    def _may_begin(self, place: int) -> bool:
        if self._is_ending.is_set():
            return False
        return place == 0 or not current.is_foreground_busy()


def run_next(queue: str, waiting: tuple[str, ...]) -> bool:
    """Run a bundle of short bulk tasks of `queue`, or else one task; return whether any ran.

    Those of the actors `waiting` have threads of their own (`jobs.worker.waiting`).
    """
    short = bundles.short_actors(queue)
    return (
        bool(short and _run_bundle(queue, short))
        or _run_one(queue, besides=(*short, *waiting))
        or _run_taken(queue, besides=waiting)
    )


def _run_bundle(queue: str, short: list[str]) -> bool:
    claims = bundles.claim(queue, short, is_bulk=True)
    if claims:
        bundles.run(claims)
    return bool(claims)


def _run_one(queue: str, besides: Sequence[str]) -> bool:
    known = [name for name, actor in get_broker().actors.items() if actor.queue_name == queue]
    others = [name for name in known if name not in besides]
    claims = bundles.claim_one(queue, others, is_bulk=True)
    for claim in claims:
        attempts.run_claimed(attempts.actor_named(claim.actor), claim)
    return bool(claims)


def _run_taken(queue: str, besides: tuple[str, ...]) -> bool:
    """Run one task that only the relay may start; return whether there was any.

    Such tasks were tried before, are under a concurrency limit, or are in a queue with a rate.
    """
    actors = relay.Actors(besides=besides)
    parcels = relay.take([queue], process_id(), limit=1, is_bulk=True, actors=actors)
    for parcel in parcels:
        if parcel.actor in get_broker().actors:
            attempts.run(attempts.actor_named(parcel.actor), parcel.id, process_id())
        else:
            relay.postpone_unknown(parcel)
    return bool(parcels)
