"""The recurring duties of every worker process: heartbeat, relay, rescue, schedule, purge.

Any number of processes may perform them at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from jobs.execution import settling
from jobs.loops import Loop
from jobs.operations import alerts, rollup
from jobs.process import process_id
from jobs.transport import relay
from jobs.transport.publisher import publisher
from jobs.worker import heartbeat, retention, schedule

log = structlog.get_logger(__name__)

RELAY_SECONDS = 0.1
RESCUE_SECONDS = 2.0
SCHEDULE_SECONDS = 1.0
OBSERVE_SECONDS = 5.0
PURGE_SECONDS = 600.0
DELETE_WORKERS_AFTER = timedelta(days=1)


class Upkeep:
    """The loops of one worker process, and a thread that replaces a loop that died."""

    def __init__(self, *, queues: list[str], threads: int) -> None:
        self._queues = queues
        self._threads = threads
        self._first_ticks = schedule.FirstTicks()
        self._factories: list[Callable[[], Loop]] = [
            lambda: Loop("heartbeat", settings.JOBS_HEARTBEAT_SECONDS, self._beat),
            lambda: Loop("rescue", RESCUE_SECONDS, rescue),
            lambda: Loop("schedule", SCHEDULE_SECONDS, self._send_scheduled),
            lambda: Loop("observe", OBSERVE_SECONDS, observe),
            lambda: Loop("purge", PURGE_SECONDS, purge),
        ]
        if settings.JOBS_TRANSPORT == "rabbitmq":
            self._factories.append(
                lambda: Loop("relay", RELAY_SECONDS, lambda: relay.relay_due(publisher()))
            )
        self._loops: list[Loop] = []
        self._is_stopping = threading.Event()

    def start(self) -> None:
        """Start every loop, among them the heartbeat."""
        self._loops = [factory() for factory in self._factories]
        for loop in self._loops:
            loop.start()
        threading.Thread(target=self._watch, name="civiclens-watch", daemon=True).start()

    def stop(self) -> None:
        """Stop every loop and record that the process has ended."""
        self._is_stopping.set()
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            loop.join(timeout=2)
        try:
            heartbeat.leave(process_id())
        except (DatabaseError, InterfaceError) as error:
            log.warning("jobs.leave_unrecorded", error_type=type(error).__name__)

    def _beat(self) -> None:
        heartbeat.beat(process_id(), queues=self._queues, threads=self._threads)

    def _send_scheduled(self) -> None:
        schedule.tick()
        self._first_ticks.tick()

    def _watch(self) -> None:
        while not self._is_stopping.wait(1):
            for place, loop in enumerate(self._loops):
                if not loop.is_alive() and not self._is_stopping.is_set():
                    log.error("jobs.loop_died", loop=loop.name)
                    self._loops[place] = self._factories[place]()
                    self._loops[place].start()


def rescue() -> None:
    """Rescue the tasks of lost workers, and settle groups whose last task ended unnoticed."""
    heartbeat.rescue()
    settling.settle_forgotten()


def observe() -> bool:
    """Check the alert rules and add up ended tasks; return whether more remain to be added up."""
    alerts.check()
    return rollup.fold()


def purge() -> None:
    """Delete rows that are past their retention."""
    heartbeat.delete_silent_workers(DELETE_WORKERS_AFTER)
    retention.purge_limits()
    retention.purge_answers()
    retention.purge_ticks()
    retention.purge_once_keys()
    retention.purge_groups()
