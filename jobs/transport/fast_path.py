"""The fast path: what a process sends goes to RabbitMQ right after its commit, without the relay."""

from __future__ import annotations

import os
import threading
import time

from django.db import connection

from jobs.loops import Loop
from jobs.transport import relay
from jobs.transport.publisher import Parcel, publisher

#: A confirmed task that nobody claimed within this time is marked, so that the relay leaves it
#: alone. Most are claimed sooner, and cost no statement.
MARK_AFTER_SECONDS = 0.1

_lock = threading.Lock()
_marker: Loop | None = None


def offer(parcels: list[Parcel]) -> None:
    """Publish `parcels` if RabbitMQ is near idle; never waits, never fails."""
    publisher().offer(parcels)
    _keep_marking()


def mark_confirmed() -> None:
    """Mark what RabbitMQ confirmed a while ago and nobody has claimed yet."""
    confirmed = publisher().confirmed
    ripe = set()
    while confirmed and confirmed[0][0] < time.monotonic() - MARK_AFTER_SECONDS:
        ripe.add(confirmed.popleft()[1])
    if ripe:
        relay.mark_published(ripe)
        connection.close()


def _keep_marking() -> None:
    global _marker  # noqa: PLW0603 - one marker a process
    if _marker is not None and _marker.is_alive():
        return
    with _lock:
        if _marker is None or not _marker.is_alive():
            _marker = Loop("mark", MARK_AFTER_SECONDS, mark_confirmed)
            _marker.start()


def _forget() -> None:
    global _marker, _lock
    _marker, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
