"""Process a photo that was sent: convert it, store its sizes, and delete what was sent."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.files.base import File

import jobs
from jobs.failpoints import failpoint
from reports.imaging import conversion, files
from reports.imaging.conversion import Converted
from reports.models import Photo, PhotoFile, PhotoState, Refusal

Size = PhotoFile.Size


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a photo, and the new files, which no photo has yet."""

    converted: Converted
    files: list[PhotoFile]


def process(photo_id: str) -> Outcome | None:
    """Convert a photo that was sent and write its sizes to new files; `record` needs the outcome.

    Nothing of the photo changes yet. Returns None if the photo is finished or gone.

    Raises:
        PermanentError: the storage has lost what was sent.
        ConversionBroke: the converter ended for a reason that is not in the photo.
    """
    unfinished = Photo.objects.unfinished().filter(pk=photo_id)
    original = PhotoFile.objects.filter(photo__in=unfinished, size=Size.ORIGINAL).first()
    if original is None:
        return None
    with work_folder() as folder:
        try:
            files.fetch(original, folder / "original")
        except FileNotFoundError as error:
            raise jobs.PermanentError(f"The storage of photos has no {original.name}.") from error
        converted = conversion.convert(folder)
        failpoint("photo_converted", jobs.current_task().id)
        written = [] if converted.refusal else _write(folder)
    failpoint("photo_files_written", jobs.current_task().id)
    return Outcome(converted, written)


def record(outcome: Outcome | None, photo_id: str) -> bool:
    """Store what became of the photo, in the caller's transaction; return whether files are left
    to delete.

    If another attempt was faster, or the photo was deleted meanwhile, the new files are given up.
    """
    if outcome is None:
        return False
    photo = Photo.objects.unfinished().select_for_update().filter(pk=photo_id).first()
    if photo is None:
        files.condemn(row.pk for row in outcome.files)
        return True
    if outcome.converted.refusal is None:
        files.attach(outcome.files, photo)
    photo.settle(**_fields(outcome.converted))
    files.condemn_original(photo)
    return True


def show_standing(standing: jobs.Standing, photo_id: str) -> None:
    """Refuse a photo whose task ended without success; let it wait again after a replay."""
    photos = Photo.objects.filter(pk=photo_id)
    if standing.has_ended:
        photos.filter(state=PhotoState.PENDING).update(
            state=PhotoState.REFUSED, refusal=Refusal.FAILED
        )
    else:
        failed = photos.filter(state=PhotoState.REFUSED, refusal=Refusal.FAILED)
        failed.update(state=PhotoState.PENDING, refusal="")


def _write(folder: Path) -> list[PhotoFile]:
    rows = files.reserve(PhotoFile.SHOWN_SIZES)
    for row in rows:
        with (folder / f"{row.size}.jpg").open("rb") as file:
            files.write(row, File(file))
    return rows


def _fields(converted: Converted) -> dict[str, Any]:
    if converted.refusal is not None:
        return {"state": PhotoState.REFUSED, "refusal": converted.refusal}
    place = converted.place
    return {
        "state": PhotoState.READY,
        "refusal": "",
        "width": converted.width,
        "height": converted.height,
        "taken_at": converted.taken_at,
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
    }


@contextmanager
def work_folder() -> Iterator[Path]:
    """Make a folder for one conversion; those that killed workers left are deleted first."""
    parent = settings.DATA_DIR / "photos-in-work"
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in parent.iterdir():
        if other.stat().st_mtime < time.time() - files.GRACE.total_seconds():
            shutil.rmtree(other, ignore_errors=True)
    with TemporaryDirectory(dir=parent) as name:
        yield Path(name)
