"""What a worker process prepares before it says that it is ready."""

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
    """Register a function that a worker of `queue_name` calls once, before it says that it is ready.

    For what the first task would otherwise wait for: a model to load, a table to compute. A
    preparation that fails is logged, and left to the first task.
    """

    def register(preparation: Preparation) -> Preparation:
        _preparations.append((queue_name, preparation))
        return preparation

    return register


def prepare(queues: Collection[str]) -> None:
    """Do what was registered for any of `queues`, waiting for PostgreSQL where it is away.

    Nothing where JOBS_WARM_UP is off.
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
