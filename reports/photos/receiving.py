"""Accept a photo of a report: at once, and processed by a task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.failpoints import failpoint
from jobs.http.limits import Rule
from reports.actors import process_photo
from reports.errors import PhotoRefused, PhotoTooLarge, TooManyPhotos
from reports.imaging import files
from reports.models import Photo, PhotoFile, PhotoKind, Refusal, Report

#: How many photos of one kind of one report are kept in the tables, refused ones among them.
ROWS_PER_REPORT = 50
#: What the files of the formats begin with.
JPEG_HEAD, PNG_HEAD = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
#: What names the format from the ninth byte on, after these words: pictures, no sounds or videos.
RIFF_HEAD, WEBP_MARK = b"RIFF", b"WEBP"
HEIC_BOX = b"ftyp"
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def limit_of(sender: UUID | str) -> Rule:
    """Return how many photos one sender, a citizen's id or an address, may send within an hour."""
    return Rule(f"photos:hour:{sender}", settings.PHOTOS_PER_SENDER_HOUR, timedelta(hours=1))


def check(content: File[bytes]) -> None:
    """Refuse what is no photo at the first look, before anything is stored.

    Raises:
        PhotoRefused: the file is empty, or of a format that is not taken.
        PhotoTooLarge: it has more than PHOTO_MAX_BYTES.
    """
    if content.size > settings.PHOTO_MAX_BYTES:
        raise PhotoTooLarge
    if content.size == 0:
        raise PhotoRefused(str(Refusal.EMPTY.label))
    head = content.read(12)
    content.seek(0)
    if not _is_picture(head):
        raise PhotoRefused(str(Refusal.NOT_A_PHOTO.label))


def _is_picture(head: bytes) -> bool:
    """Return whether a file that begins with these twelve bytes says that it is a picture."""
    if head.startswith(RIFF_HEAD):
        return head[8:12] == WEBP_MARK
    if head[4:8] == HEIC_BOX:
        return head[8:12] in HEIC_BRANDS
    return head.startswith((JPEG_HEAD, PNG_HEAD))


@contextmanager
def stored(content: File[bytes]) -> Iterator[PhotoFile]:
    """Store what was sent, and give its row; if no photo got the file, it is deleted again.

    This comes before the transaction that accepts the photo: a file that was written in vain can
    be deleted, while a photo without its file would be lost.
    """
    [original] = files.reserve([PhotoFile.Size.ORIGINAL])
    try:
        files.write(original, content)
        yield original
    finally:
        files.discard_unused(original)


def accept(
    original: PhotoFile,
    report: Report,
    *,
    kind: str,
    by: User | None,
    citizen: User | None = None,
) -> Photo:
    """Add a photo to the report and send the task that processes it.

    It is erased together with `citizen`, by default with `by` unless that is staff. Of two requests
    at once that would exceed a report's number, one is refused.

    Raises:
        TooManyPhotos: the report has PHOTOS_PER_REPORT photos of this kind.
    """
    is_staff = by is not None and report.may_be_changed_by(by)
    owner = citizen or (None if is_staff else by)
    with transaction.atomic():
        # Whoever adds a photo to the report waits here for the one before.
        Report.objects.select_for_update(no_key=True).only("pk").get(pk=report.pk)
        _within_limits(report, kind)
        photo = Photo.objects.create(report=report, kind=kind, citizen=owner)
        files.attach([original], photo)
        process_photo.send_with_options(
            args=(str(photo.pk),), limit_key="photos", limit_count=settings.PHOTOS_AT_ONCE
        )
        record_audit_event.send(
            "photo.added",
            str(by.pk) if by else None,
            f"report:{report.pk}",
            {"photo": str(photo.pk)},
        )
        failpoint("photo_accepted")
    return photo


def check_number(number: int, kind: str) -> None:
    """Refuse so many photos of one kind if a report may have fewer.

    Raises:
        TooManyPhotos: they are more than PHOTOS_PER_REPORT.
    """
    if number > settings.PHOTOS_PER_REPORT:
        raise TooManyPhotos(
            f"A report may have {settings.PHOTOS_PER_REPORT} photos of {PhotoKind(kind).label}."
        )


def _within_limits(report: Report, kind: str) -> None:
    """Refuse a photo beyond the number of its kind.

    Photos of the problem, however many, keep no photo of the repair out.

    Raises:
        TooManyPhotos: the report has as many as it may have.
    """
    photos = Photo.objects.filter(report=report, kind=kind)
    check_number(photos.kept().count() + 1, kind)
    if photos.count() >= ROWS_PER_REPORT:
        raise TooManyPhotos("Too many photos of this report were refused.")
