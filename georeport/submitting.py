"""Make a report of a service request whose place is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile

from georeport import reading, repeating
from georeport.media import fetch_media
from georeport.models import ApiKey
from georeport.parameters import Parameters, Place
from georeport.repeating import UNKNOWN, Identity
from reports.intake.submission import Submission, submit_report
from reports.models import PhotoFile, PhotoKind
from reports.photos import receiving


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A service request as it arrived; a test is checked in every way and leaves nothing."""

    parameters: Parameters
    key: ApiKey
    media: Sequence[UploadedFile] = ()
    language: str = "en"
    host: str = "unknown"
    identity: Identity = UNKNOWN
    is_test: bool = False


def submit(sending: Sending, place: Place, originals: Sequence[PhotoFile] = ()) -> Submission:
    """Store the report with its photos and tasks, in the caller's transaction.

    One that came before is returned, and nothing is stored. Raises as `submit_report`, and beside
    that:

    Raises:
        BadRequest, ValidationError: a parameter is missing or not valid, or the Idempotency-Key
            came with other content.
        NotFound: there is no such service.
        TooManyPhotos: there are more photos than a report may have.
    """
    client_id = repeating.client_id_of(sending.identity)
    new = reading.new_report(
        sending.parameters, place, language=sending.language, client_id=client_id
    )
    program = reading.program_of(sending.parameters, sending.key)
    submission = submit_report(new, reporter=None, host=sending.host, program=program)
    if submission.is_repeated:
        repeating.require_same(submission.report, sending.identity)
    else:
        for original in originals:
            receiving.accept(original, submission.report, kind=PhotoKind.BEFORE, by=None)
        for url in reading.media_urls(sending.parameters):
            fetch_media.send(str(submission.report.pk), url)
    return submission
