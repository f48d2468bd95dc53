"""Take a service request from a program: at once, or once its address has a place."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from georeport import reading
from georeport.actors import find_place
from georeport.errors import BadRequest
from georeport.models import SentRequest
from georeport.submitting import Sending, submit
from jobs import sealing
from reports.geography.addresses import LIMIT
from reports.models import PhotoKind
from reports.photos import receiving

HELD = "It will be public once the city has looked at it."
UNREACHABLE = "No message reaches this phone number: send it in international form."


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the program gets: the id of the request, or a token where its place is still sought."""

    service_request_id: UUID | None = None
    token: str = ""
    notice: str | None = None


def send(sending: Sending) -> Receipt:
    """Make a report of a service request, or keep it until its place is known.

    Raises as `submit`, and beside that:

    Raises:
        PhotoRefused, PhotoTooLarge: a photo is not taken.
    """
    place = reading.place_of(sending.parameters)
    receiving.check_number(len(sending.media), PhotoKind.BEFORE)
    for upload in sending.media:
        receiving.check(upload)
    if place is None:
        return _keep(sending)
    with ExitStack() as stack:
        kept = () if sending.is_test else sending.media
        originals = [stack.enter_context(receiving.stored(upload)) for upload in kept]
        with transaction.atomic():
            submission = submit(sending, place, originals)
            if not submission.is_repeated:
                SentRequest.objects.create(
                    key=sending.key,
                    report=submission.report,
                    fingerprint=sending.identity.fingerprint,
                )
            if sending.is_test:
                transaction.set_rollback(True)
    report = submission.report
    return Receipt(
        service_request_id=report.pk, notice=_notice(sending, is_held=not report.published_at)
    )


def _notice(sending: Sending, *, is_held: bool) -> str | None:
    """Return what the program should know of a request that was taken; None if nothing."""
    is_unreachable = reading.has_unreachable_phone(sending.parameters)
    sentences = [HELD] * is_held + [UNREACHABLE] * is_unreachable
    return " ".join(sentences) or None


def _keep(sending: Sending) -> Receipt:
    """Store a request whose address has to be looked up; everything else is checked now.

    Raises:
        BadRequest: a photo came along, which needs a report at once.
    """
    if sending.media:
        raise BadRequest("With media send lat and long too, or send media_url instead.")
    reading.new_report(sending.parameters, (0, 0), language=sending.language, client_id=None)
    stored = {
        "parameters": reading.as_sent(sending.parameters),
        "language": sending.language,
        "host": sending.host,
        "client_ids": [str(client_id) for client_id in sending.identity.client_ids],
    }
    with transaction.atomic():
        sent = SentRequest.objects.create(
            key=sending.key,
            sealed=sealing.seal(stored),
            fingerprint=sending.identity.fingerprint,
        )
        find_place.send_with_options(args=(sent.pk,), limit_key=LIMIT, limit_count=1)
        if sending.is_test:
            transaction.set_rollback(True)
    return Receipt(token=sent.token, notice=_notice(sending, is_held=False))
