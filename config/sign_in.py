"""How many may try a password at the desk: hashing one takes a processor for half a second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts import origins
from jobs.http import limits

#: Of each web process: one hashes while one more waits for it, and so holds a thread.
HASHING_AT_ONCE, WAITING_AT_ONCE = 1, 1
RETRY_AFTER_SECONDS = 2

_places = threading.BoundedSemaphore(HASHING_AT_ONCE + WAITING_AT_ONCE)
_hashing = threading.BoundedSemaphore(HASHING_AT_ONCE)


def refusal(request: HttpRequest) -> HttpResponse | None:
    """Count an attempt by its address; return 429 for one too many within the hour."""
    key = f"desk:sign-in:{origins.of_request(request).host}"
    limit = limits.hit(key, settings.STAFF_LOGINS_PER_HOST_HOUR, timedelta(hours=1))
    return None if limit.allowed else _answer(429, "Too many attempts.", limit.retry_after)


@contextmanager
def turn() -> Iterator[HttpResponse | None]:
    """Wait for the turn to hash a password; yields 503 at once where others wait already."""
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
