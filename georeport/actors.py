"""The tasks of the Open311 interface."""

from __future__ import annotations

from datetime import timedelta

import jobs
from georeport import media as media  # noqa: PLC0414 - its task is known so
from georeport import placing
from georeport.models import SentRequest
from reports.geography import geocoder


# A person waits for the id of their request, but a geocoder may be down for an hour.
@jobs.actor(
    queue_name="default", kind="external", delivery="at_least_once", outlasts=timedelta(hours=6)
)
def find_place(sent_id: int) -> tuple[float, float] | None:
    """Return the place of a request's address; None where the geocoder knows none."""
    sent = SentRequest.objects.filter(pk=sent_id, sealed__isnull=False).first()
    return geocoder.place_of(placing.address_of(sent)) if sent else None


@find_place.record
def record_place(place: tuple[float, float] | None, sent_id: int) -> None:
    """Make a report of the request, or note why there is none."""
    waiting = SentRequest.objects.select_for_update().filter(sealed__isnull=False)
    sent = waiting.filter(pk=sent_id).first()
    if sent is not None:
        placing.settle(sent, place)


@find_place.mirror
def refuse_unplaced(standing: jobs.Standing, sent_id: int) -> None:
    """Note at a request that its address could not be looked up."""
    waiting = SentRequest.objects.select_for_update().filter(sealed__isnull=False)
    sent = waiting.filter(pk=sent_id).first()
    if standing.has_ended and sent is not None:
        placing.refuse(sent, placing.FAILED)
