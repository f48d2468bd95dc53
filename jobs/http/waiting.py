"""Answer a request once a task has ended, without occupying a thread meanwhile.

The server (`config.serving`) puts a function into the environ of each request. A view that passes a
task to it with `answer_later` is called again, with the same request, once the task has ended or
the time is over; its first answer is dropped. Under other servers, such as Django's test client,
the thread waits.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from uuid import UUID

from django.db import connection
from django.http import HttpRequest
from rest_framework.request import Request

from jobs.models import Task
from jobs.states import TERMINAL_STATES

WAIT_MAXIMUM_SECONDS = 25
#: Keys of the environ: the server's function, and the task for which a request has waited already.
OFFER = "civiclens.wait"
AWAITED = "civiclens.awaited"
PAUSE_MINIMUM_SECONDS = 0.05
PAUSE_MAXIMUM_SECONDS = 0.5


def answer_later(request: Request, task_id: UUID, seconds: float) -> bool:
    """Have the view called again once the task has ended, after `seconds` at the latest.

    Return True where it will be called again: then return any answer now. Return False where the
    wait is over, or too many requests wait: then answer with the task as it is.
    """
    if awaited(request) is not None:
        return False
    seconds = min(seconds, WAIT_MAXIMUM_SECONDS)
    if OFFER not in request.META:
        _wait(task_id, seconds)
        return False
    return bool(request.META[OFFER](task_id, seconds)) and _postpone(request)


def awaited(request: Request | HttpRequest) -> UUID | None:
    """Return the task whose end this request has already waited for, or None."""
    task_id: UUID | None = request.META.get(AWAITED)
    return task_id


def is_postponed(request: HttpRequest) -> bool:
    """Return whether the view will be called again, so that this answer is dropped."""
    return bool(request.META.get(_POSTPONED))


def ended(task_ids: Collection[UUID]) -> set[UUID]:
    """Return which of the tasks have ended or no longer exist; close the connection afterwards."""
    try:
        unfinished = Task.objects.filter(pk__in=task_ids).exclude(state__in=TERMINAL_STATES)
        return set(task_ids) - set(unfinished.values_list("pk", flat=True))
    finally:
        connection.close()


_POSTPONED = "civiclens.postponed"


def _postpone(request: Request) -> bool:
    request.META[_POSTPONED] = True
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
