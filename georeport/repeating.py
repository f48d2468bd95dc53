"""Recognise what a program sends again: a service request by ids, an update by a digest.

Nobody without the city's SECRET_KEY can guess either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from georeport import reading
from georeport.errors import BadRequest
from georeport.models import SentRequest, SentUpdate
from georeport.parameters import Parameters
from jobs.ledger.database import lock
from reports.models import Comment, Report
from reports.moderation.programs import Program

#: For so long the same words of the same person are the same request or update.
WITHIN = timedelta(days=1)
OTHER_CONTENT = (
    "This Idempotency-Key came before with other content: send a new one, or the same content."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """By what a request is recognised: the ids that its report may have, and all that was sent.

    A new report gets the first of the ids. Without any, each time is another request.
    """

    client_ids: Sequence[UUID] = ()
    fingerprint: bytes | None = None


#: Of a request that is never recognised.
UNKNOWN = Identity()


def identity_of(
    parameters: Parameters,
    program: Program,
    *,
    media: Sequence[UploadedFile],
    idempotency_key: str,
    today: date,
) -> Identity:
    """Return by what this request is recognised when it comes again.

    An Idempotency-Key stands for it; without one, for a known person, everything that was sent
    today or the day before, so that midnight makes no second report of it.
    """
    if not (idempotency_key or program.person):
        return UNKNOWN
    pictures = [_digest_of(upload) for upload in media]
    fingerprint = _digest(program, "sent", reading.as_sent(parameters), pictures)
    if idempotency_key:
        marks = [_digest(program, "key", idempotency_key)]
    else:
        days = (today, today - timedelta(days=1))
        marks = [_digest(program, "day", day.isoformat(), fingerprint.hex()) for day in days]
    ids = [UUID(bytes=mark[:16], version=4) for mark in marks]
    return Identity(client_ids=ids, fingerprint=fingerprint)


def client_id_of(identity: Identity) -> UUID | None:
    """Return the id of the report of this request: that of one from before, or a new one.

    The same request waits here until the caller's transaction ends.
    """
    if not identity.client_ids:
        return None
    for client_id in sorted(identity.client_ids):
        lock(f"georeport request {client_id}")
    new, *earlier = identity.client_ids
    lately = Report.objects.filter(reporter=None, created_at__gt=Now() - WITHIN)
    before = lately.filter(client_id__in=earlier).values_list("client_id", flat=True).first()
    return before or new


def require_same(report: Report, identity: Identity) -> None:
    """Check that the request from which a report came had the content of this one.

    Raises:
        BadRequest: its Idempotency-Key came with other content.
    """
    sent = SentRequest.objects.filter(report=report, fingerprint__isnull=False)
    if sent.exclude(fingerprint=identity.fingerprint).exists():
        raise BadRequest(OTHER_CONTENT)


def update_digest(
    report: Report, text: str, program: Program, *, idempotency_key: str, update_id: str
) -> bytes | None:
    """Return by what this update is recognised when it comes again; None if by nothing.

    `update_id` is the number that it has in the program, which tells equal words apart.
    """
    if idempotency_key:
        return _digest(program, "update key", idempotency_key)
    if update_id:
        return _digest(program, "update id", update_id, str(report.pk), text)
    return _digest(program, "update", str(report.pk), text) if program.person else None


def update_before(digest: bytes, *, is_numbered: bool) -> Comment | None:
    """Return the comment of this digest, after any that is under way; None if there is none.

    One that was recognised by its words counts for a day, by its Idempotency-Key or its number in
    the program for ever.
    """
    lock(f"georeport update {digest.hex()}")
    sent = SentUpdate.objects.filter(digest=digest, comment__deleted_at=None)
    if not is_numbered:
        sent = sent.filter(created_at__gt=Now() - WITHIN)
    found = sent.select_related("comment").first()
    return found.comment if found else None


def _digest(program: Program, *content: object) -> bytes:
    """Return what stands for content that a program sends for a person."""
    text = json.dumps([program.name, program.person, *content])
    return salted_hmac("civiclens.georeport.repeating", text, algorithm="sha256").digest()


def _digest_of(upload: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()
