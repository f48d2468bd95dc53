"""Asking sources politely: who asks, how often, and how much of an answer is read."""

from __future__ import annotations

import time
from datetime import timedelta

from django.conf import settings

from jobs.http import limits
from jobs.http.outbound import Bounds, Client, GuardedSession
from reports.collection.kinds.protocol import SourceBusy

MINUTE = timedelta(minutes=1)
#: The longest wait for one's turn; the window of the limit is over by then.
LONGEST_WAIT_SECONDS = 60


def session(*, user_agent: str = "") -> GuardedSession:
    """Return a session that calls public addresses only, and each host so often a minute."""
    return GuardedSession(
        user_agent=user_agent or settings.COLLECTION_USER_AGENT,
        bounds=Bounds(
            silence_seconds=settings.COLLECTION_SILENCE_SECONDS,
            total_seconds=settings.COLLECTION_ANSWER_SECONDS,
            body_bytes=settings.COLLECTION_BODY_MAX_BYTES,
        ),
        before=wait_for_turn,
    )


def client() -> Client:
    """Return a client of such a session."""
    return Client(session())


def wait_for_turn(host: str) -> None:
    """Count a request to the host, all processes together; wait if it was asked too often.

    Raises:
        SourceBusy: others have used up COLLECTION_REQUESTS_PER_HOST_MINUTE once more meanwhile.
    """
    outcome = _hit(host)
    if not outcome.allowed:
        time.sleep(min(outcome.retry_after, LONGEST_WAIT_SECONDS))
        outcome = _hit(host)
    if not outcome.allowed:
        raise SourceBusy(timedelta(seconds=outcome.retry_after))


def _hit(host: str) -> limits.Limit:
    allowed = settings.COLLECTION_REQUESTS_PER_HOST_MINUTE
    return limits.hit(f"collection:{host.lower()}", allowed, MINUTE)
