"""Limits on password attempts at the desk, since hashing a password takes half a second of CPU."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts import audit, origins
from jobs.http import limits

#: For each web process: one password is hashed while one more request waits and holds a thread.
HASHING_AT_ONCE, WAITING_AT_ONCE = 1, 1
RETRY_AFTER_SECONDS = 2

_places = threading.BoundedSemaphore(HASHING_AT_ONCE + WAITING_AT_ONCE)
_hashing = threading.BoundedSemaphore(HASHING_AT_ONCE)


def refusal(request: HttpRequest) -> HttpResponse | None:
    """Count an attempt by its address; return an answer 429 where there are too many an hour.

    A form without name or password has nothing hashed and is not counted.
    """
    if not (request.POST.get("username") and request.POST.get("password")):
        return None
    host = origins.of_request(request).host
    rule = f"desk:sign-in:{host}"
    limit = limits.hit(rule, settings.STAFF_LOGINS_PER_HOST_HOUR, timedelta(hours=1))
    if limit.allowed:
        return None
    audit.record_hourly("desk.limited", key=host, actor_id=None, subject="user:unknown")
    return _answer(429, "Too many attempts.", limit.retry_after)


@contextmanager
def turn() -> Iterator[HttpResponse | None]:
    """Wait for the turn to hash a password, then yield None; yield 503 at once if others wait."""
    if not _places.acquire(blocking=False):
        yield _answer(503, "Others are signing in at this moment.", RETRY_AFTER_SECONDS)
        return
    try:
        with _hashing:
            yield None
    finally:
        _places.release()


def _answer(status: int, reason: str, seconds: int) -> HttpResponse:
    text = f"{reason} Try again in {seconds} seconds.\n"
    headers = {"Retry-After": str(seconds)}
    return HttpResponse(text, status=status, content_type="text/plain", headers=headers)
