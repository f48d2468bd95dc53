"""Prepare a worker process before it reports that it is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import structlog
from django.conf import settings

from jobs.ledger.database import persistently

log = structlog.get_logger(__name__)

Preparation = Callable[[], object]

_preparations: list[tuple[str, Preparation]] = []


def before_ready(queue_name: str) -> Callable[[Preparation], Preparation]:
    """Register a function that a worker of `queue_name` calls once before it reports readiness.

    For work that would otherwise slow the first task: loading a model, computing a table. If the
    function raises, the error is logged and the first task does the work.
    """

    def register(preparation: Preparation) -> Preparation:
        _preparations.append((queue_name, preparation))
        return preparation

    return register


def prepare(queues: Collection[str]) -> None:
    """Call the functions registered for any of `queues`, waiting for PostgreSQL where it is down.

    Does nothing where JOBS_WARM_UP is off.
    """
    if settings.JOBS_WARM_UP:
        for queue_name, preparation in _preparations:
            if queue_name in queues:
                _prepare(preparation)


def _prepare(preparation: Callable[[], Any]) -> None:
    name, began = f"{preparation.__module__}.{preparation.__qualname__}", time.monotonic()
    try:
        persistently(preparation)
    except Exception:
        log.exception("jobs.preparation_failed", preparation=name)
    else:
        log.info("jobs.prepared", preparation=name, seconds=round(time.monotonic() - began, 3))
