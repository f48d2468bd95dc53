"""Threads that repeat one step."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from django.db import DatabaseError, InterfaceError, connection

from jobs.failpoints import failpoint

log = structlog.get_logger(__name__)


class Loop(threading.Thread):
    """Calls `step` every `interval` seconds, or again at once while it returns true.

    An error of `step` is logged and does not end the thread.
    """

    def __init__(self, name: str, interval: float, step: Callable[[], object]) -> None:
        super().__init__(name=f"civiclens-{name}", daemon=True)
        self._interval = interval
        self._step = step
        self._is_stopping = threading.Event()

    def run(self) -> None:
        while not self._is_stopping.is_set():
            is_busy = False
            failpoint(f"loop.{self.name}")
            try:
                is_busy = bool(self._step())
            except (DatabaseError, InterfaceError) as error:
                log.warning("jobs.loop_waits", loop=self.name, error_type=type(error).__name__)
                connection.close()
            except Exception:
                log.exception("jobs.loop_failed", loop=self.name)
            if not is_busy:
                self._is_stopping.wait(self._interval)
        connection.close()

    def stop(self) -> None:
        """End the thread after the step under way."""
        self._is_stopping.set()
