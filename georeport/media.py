"""Photos that a request names by their address: fetched by a task, then taken as any photo."""

from __future__ import annotations

import io
from datetime import timedelta

from django.conf import settings
from django.core.files.base import File

import jobs
from jobs.errors import AddressRefused
from jobs.http.outbound import AddressInvalid, AnswerTooLarge, Bounds, Client, GuardedSession
from reports.errors import PhotoRefused, PhotoTooLarge, TooManyPhotos
from reports.models import PhotoKind, Report
from reports.photos import receiving

#: Another attempt gets the same.
_LASTING = (AddressRefused, AddressInvalid, AnswerTooLarge)


# Long enough for a server of photos that restarts; the report is complete without them.
@jobs.actor(
    queue_name="default", kind="long", outlasts=timedelta(hours=6), max_backoff=timedelta(hours=1)
)
def fetch_media(report_id: str, url: str) -> None:
    """Fetch a photo of a report from another machine, and add it."""
    content = File(io.BytesIO(_fetch(url)), name="media")
    try:
        receiving.check(content)
        with receiving.stored(content) as original, jobs.current_task().effects():
            report = Report.objects.filter(pk=report_id).first()
            if report is not None:
                receiving.accept(original, report, kind=PhotoKind.BEFORE, by=None)
    except (PhotoRefused, PhotoTooLarge, TooManyPhotos) as error:
        raise jobs.PermanentError(str(error)) from error


def _fetch(url: str) -> bytes:
    """Return what stands at an address, at most as large as a photo may be.

    Raises:
        OutboundError: there is no answer at present.
        PermanentError: there never will be one.
    """
    session = GuardedSession(
        user_agent=settings.COLLECTION_USER_AGENT,
        bounds=Bounds(body_bytes=settings.PHOTO_MAX_BYTES),
    )
    with Client(session) as client:
        try:
            return client.get(url).content
        except _LASTING as error:
            raise jobs.PermanentError(str(error)) from error
