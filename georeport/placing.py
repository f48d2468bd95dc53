"""Requests with an address and no place: made a report once the geocoder has found it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.exceptions import ValidationError

from georeport import keys, reading
from georeport.answering import of_domain, sentences_of
from georeport.models import ApiKey, SentRequest
from georeport.repeating import Identity
from georeport.submitting import Sending, submit
from jobs import sealing
from jobs.errors import DomainError

REFUSAL_MAX_CHARACTERS = 500
NO_PLACE = "No place was found for this address_string; send lat and long."
NOT_ALLOWED = (
    "Before a place was found the api_key was revoked, or lost its leave to send requests."
)
FAILED = "The address could not be looked up; send lat and long."


def address_of(sent: SentRequest) -> str:
    """Return the address whose place is sought."""
    return reading.read_again(_unsealed(sent)["parameters"]).text("address_string")


def settle(sent: SentRequest, place: Sequence[float] | None) -> None:
    """Make a report of a request whose place was found, or note why there is none.

    In the caller's transaction.
    """
    if place is None:
        refuse(sent, NO_PLACE)
        return
    if not keys.may_still_submit(sent.key_id):
        refuse(sent, NOT_ALLOWED)
        return
    try:
        with transaction.atomic():
            submission = submit(_sending(sent), (place[0], place[1]))
    except ValidationError as error:
        refuse(sent, " ".join(sentences_of(error)))
    except DomainError as error:
        refuse(sent, str(of_domain(error)))
    else:
        sent.report, sent.sealed = submission.report, None
        sent.save(update_fields=["report", "sealed"])


def refuse(sent: SentRequest, why: str) -> None:
    """Note why no report is made of a request, and forget what was sent."""
    sent.refusal, sent.sealed = why[:REFUSAL_MAX_CHARACTERS], None
    sent.save(update_fields=["refusal", "sealed"])


def _sending(sent: SentRequest) -> Sending:
    stored = _unsealed(sent)
    return Sending(
        parameters=reading.read_again(stored["parameters"]),
        key=ApiKey.objects.get(pk=sent.key_id),
        language=stored["language"],
        host=stored["host"],
        identity=Identity(
            client_ids=[UUID(client_id) for client_id in stored["client_ids"]],
            fingerprint=bytes(sent.fingerprint) if sent.fingerprint else None,
        ),
    )


def _unsealed(sent: SentRequest) -> dict[str, Any]:
    return sealing.unseal(bytes(sent.sealed or b""))
