"""Long polling: a request that waits for the end of a task, cheaply and for so long."""

from __future__ import annotations

import threading
import time
from uuid import UUID

from django.db import connection

from jobs.models import Task
from jobs.states import TERMINAL_STATES

WAIT_MAXIMUM_SECONDS = 25
#: More would take the threads of a web process from everybody else.
WAITERS_PER_PROCESS = 2
PAUSE_MINIMUM_SECONDS = 0.05
PAUSE_MAXIMUM_SECONDS = 0.5

_places = threading.BoundedSemaphore(WAITERS_PER_PROCESS)


def until_ended(task_id: UUID, seconds: float) -> bool:
    """Return once the task has ended or the time is over; False, at once, when too many of this
    process wait already.

    Between two looks, each one statement on the primary key, neither a transaction nor a connection
    is held.
    """
    if not _places.acquire(blocking=False):
        return False
    try:
        _wait(task_id, min(seconds, WAIT_MAXIMUM_SECONDS))
    finally:
        _places.release()
    return True


def _wait(task_id: UUID, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    pause = PAUSE_MINIMUM_SECONDS
    while Task.objects.filter(pk=task_id).exclude(state__in=TERMINAL_STATES).exists():
        left = deadline - time.monotonic()
        if left <= 0:
            return
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, PAUSE_MAXIMUM_SECONDS)
