"""Waiting for the ends of tasks: one statement at a time for any number of requests."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import structlog
from django.db import Error as DatabaseError

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 0.05
#: A waiting request holds a connection and a few kilobytes, but no thread.
WAITING_MAX = 2000


class TaskWatch:
    """Wakes the waiting requests of one process when their tasks have ended.

    While requests wait, one thread calls `ended` for all of them together every LOOK_EVERY_SECONDS.
    Use it in one event loop only.
    """

    def __init__(self, ended: Callable[[Collection[UUID]], set[UUID]]) -> None:
        self._ended = ended
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="web-watch")
        self._waiting: defaultdict[UUID, set[asyncio.Future[None]]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None
        self._is_stopped = False

    @property
    def is_full(self) -> bool:
        """Return whether as many requests wait as are allowed; once stopped, none are."""
        return self._is_stopped or sum(map(len, list(self._waiting.values()))) >= WAITING_MAX

    async def until_ended(self, task_id: UUID, seconds: float) -> None:
        """Return once the task has ended or the time is over."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[task_id].add(ended)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait({ended}, timeout=seconds)
        finally:
            self._forget(task_id, ended)

    def stop(self) -> None:
        """End every wait; each request is answered with what there is before the server ends."""
        self._is_stopped = True
        for ended in [wait for waits in self._waiting.values() for wait in waits]:
            if not ended.done():
                ended.set_result(None)

    def _forget(self, task_id: UUID, ended: asyncio.Future[None]) -> None:
        self._waiting[task_id].discard(ended)
        if not self._waiting[task_id]:
            del self._waiting[task_id]

    async def _look(self) -> None:
        """Wake requests until none waits any more; while the database is away they keep waiting."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                ended = await loop.run_in_executor(self._thread, self._ended, list(self._waiting))
            except DatabaseError as error:
                log.warning("waiting_database_unavailable", error=type(error).__name__)
                continue
            for task_id in ended:
                for future in self._waiting.get(task_id, ()):
                    if not future.done():
                        future.set_result(None)
