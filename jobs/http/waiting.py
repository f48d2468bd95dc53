"""Answering a request once a task has ended, without holding a thread meanwhile.

The server (`config.serving`) puts an offer into the environ of each request. A view that takes it with
`answer_later` is called again, with the same request, once the task has ended or the time is over; what
it answers the first time is dropped. Elsewhere, such as under Django's test client, the thread waits.
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
#: Keys of the environ: the server's offer, and the task that a request called again has waited for.
OFFER = "civiclens.wait"
AWAITED = "civiclens.awaited"
PAUSE_MINIMUM_SECONDS = 0.05
PAUSE_MAXIMUM_SECONDS = 0.5


def answer_later(request: Request, task_id: UUID, seconds: float) -> bool:
    """Have the view called again once the task has ended, after `seconds` at the latest.

    True: it will be, so return any answer now. False: the wait is over, or too many requests wait;
    answer with what there is.
    """
    if awaited(request) is not None:
        return False
    seconds = min(seconds, WAIT_MAXIMUM_SECONDS)
    if OFFER not in request.META:
        _wait(task_id, seconds)
        return False
    return bool(request.META[OFFER](task_id, seconds)) and _postpone(request)


def awaited(request: Request | HttpRequest) -> UUID | None:
    """Return the task for whose end this request has waited already."""
    task_id: UUID | None = request.META.get(AWAITED)
    return task_id


def is_postponed(request: HttpRequest) -> bool:
    """Return whether the answer of this request is dropped, since it will be called again."""
    return bool(request.META.get(_POSTPONED))


def ended(task_ids: Collection[UUID]) -> set[UUID]:
    """Return which of the tasks have ended or are gone; no connection is held afterwards."""
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
