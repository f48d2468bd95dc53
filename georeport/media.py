"""Photos that a request names by their address: fetched by a task, then taken as any photo."""

from __future__ import annotations

import io
from datetime import timedelta

import structlog
from django.conf import settings
from django.core.files.base import File

import jobs
from jobs.errors import AddressRefused, OutboundError
from jobs.http.outbound import (
    AddressInvalid,
    AnswerTooLarge,
    BadStatus,
    Bounds,
    Client,
    GuardedSession,
)
from reports.errors import PhotoRefused, PhotoTooLarge, TooManyPhotos
from reports.models import PhotoKind, Report
from reports.photos import receiving

log = structlog.get_logger(__name__)


# Long enough for a server of photos that restarts; the report is complete without them.
@jobs.actor(
    queue_name="default", kind="long", outlasts=timedelta(hours=6), max_backoff=timedelta(hours=1)
)
def fetch_media(report_id: str, url: str) -> None:
    """Fetch a photo of a report from another machine, and add it once.

    What is no photo, or is not there, is noted in the log: nobody here can mend it.
    """
    if jobs.current_task().checkpoint:
        return  # an earlier attempt has added it
    try:
        _add(report_id, _fetch(url))
    except (OutboundError, PhotoRefused, PhotoTooLarge, TooManyPhotos) as error:
        if isinstance(error, OutboundError) and not _is_lasting(error):
            raise
        log.info("media_refused", report_id=report_id, reason=str(error))


def _fetch(url: str) -> bytes:
    """Return what stands at an address, at most as large as a photo may be.

    Raises:
        OutboundError: there is no such answer.
    """
    session = GuardedSession(
        user_agent=settings.COLLECTION_USER_AGENT,
        bounds=Bounds(body_bytes=settings.PHOTO_MAX_BYTES),
    )
    with Client(session) as client:
        return client.get(url).content


def _add(report_id: str, picture: bytes) -> None:
    """Add a photo to a report, if it is still there. Raises as `receiving.accept` and `check`."""
    content = File(io.BytesIO(picture), name="media")
    receiving.check(content)
    task = jobs.current_task()
    with receiving.stored(content) as original, task.effects():
        task.save_checkpoint(True)
        report = Report.objects.filter(pk=report_id).first()
        if report is not None:
            receiving.accept(original, report, kind=PhotoKind.BEFORE, by=None)


def _is_lasting(error: OutboundError) -> bool:
    """Return whether another attempt would get the same."""
    if isinstance(error, BadStatus):
        return 400 <= error.status < 500 and error.status not in {408, 425, 429}
    return isinstance(error, AddressRefused | AddressInvalid | AnswerTooLarge)
