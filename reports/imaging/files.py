"""The files of photos in their storage: write, open and delete them.

A file's name is stored before the file is written, and its row outlives it. So no crash leaves a
file without a row, and `purge` finds all that belong to no photo. A photo owns its files by their
rows: who deletes a photo, or a report, or a user, leaves rows without a photo.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import storages
from django.core.files.storage.base import Storage
from django.db.models import Q
from django.db.models.functions import Now

import jobs
from jobs.failpoints import failpoint
from reports.errors import PhotoFileMissing
from reports.models import Photo, PhotoFile, PhotoState

#: A file without a photo may still be one that is being written, until it is this old.
GRACE = timedelta(hours=1)
PURGE_BATCH_FILES = 200
Size = PhotoFile.Size


def storage() -> Storage:
    """Return the storage of photos."""
    return storages["photos"]


def reserve(sizes: Iterable[str]) -> list[PhotoFile]:
    """Store names for files of these sizes; each is random, and nothing says whose it is."""
    rows = [PhotoFile(size=size, name=_new_name(size)) for size in sizes]
    return PhotoFile.objects.bulk_create(rows)


def write(row: PhotoFile, content: File[bytes]) -> None:
    """Write the file that was reserved; it is on the disk, or at the other machine, afterwards.

    Raises:
        FileExistsError: the storage has a file of that name.
    """
    where = storage()
    name = where.save(row.name, content)
    if name != row.name:
        where.delete(name)
        raise FileExistsError(row.name)
    _sync(where, name)
    failpoint("photo_file_written")


def attach(rows: Iterable[PhotoFile], photo: Photo) -> None:
    """Give the files to the photo, in the caller's transaction.

    Raises:
        PhotoFileMissing: a file was deleted meanwhile.
    """
    ids = [row.pk for row in rows]
    free = PhotoFile.objects.filter(pk__in=ids, photo=None, condemned_at=None)
    if free.update(photo=photo) != len(ids):
        raise PhotoFileMissing


def condemn(files: Iterable[int]) -> None:
    """Take files, by their rows' ids, from their photos, so that the next `purge` deletes them."""
    PhotoFile.objects.filter(pk__in=list(files)).update(photo=None, condemned_at=Now())


def condemn_original(photo: Photo) -> None:
    """Let the next `purge` delete what was sent, with all that it told about its sender."""
    condemn(photo.files.filter(size=Size.ORIGINAL).values_list("pk", flat=True))


def discard_unused(row: PhotoFile) -> None:
    """Delete a file, and its row, at once if no photo got it."""
    unused = PhotoFile.objects.filter(pk=row.pk, photo=None, condemned_at=None)
    if unused.update(condemned_at=Now()):
        storage().delete(row.name)
        row.delete()


def fetch(row: PhotoFile, target: Path) -> None:
    """Copy a file out of the storage.

    Raises:
        FileNotFoundError: the storage has lost it.
    """
    with open_file(row.name) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)


def open_file(name: str) -> IO[bytes]:
    """Open a file of the storage. Raises FileNotFoundError."""
    return storage().open(name, "rb")


def purge() -> int:
    """Delete all files that belong to no photo any more, inside a long task; return how many.

    First the rows are marked, which keeps them from getting a photo; then the files are deleted,
    and the rows at last. A purge that was killed is finished by the next one.
    """
    task, purged = jobs.current_task(), 0
    while rows := _condemned():
        for row in rows:
            storage().delete(row.name)
        failpoint("photo_files_deleted", task.id)
        with task.effects():
            PhotoFile.objects.filter(pk__in=[row.pk for row in rows]).delete()
        purged += len(rows)
        task.progress(0.5, "purging", purged=purged)
    return purged


def _condemned() -> list[PhotoFile]:
    """Condemn what no photo needs; return a batch of all that is condemned."""
    written = Q(created_at__lt=Now() - GRACE)
    failed = Q(
        photo__state=PhotoState.REFUSED,
        size=Size.ORIGINAL,
        created_at__lt=Now() - timedelta(days=settings.JOBS_DEAD_RETENTION_DAYS),
    )
    with jobs.current_task().effects():
        for useless in (Q(photo=None, condemned_at=None) & written, failed):
            ids = PhotoFile.objects.filter(useless).values_list("pk", flat=True)
            condemn(ids[:PURGE_BATCH_FILES])
    return list(PhotoFile.objects.filter(condemned_at__isnull=False)[:PURGE_BATCH_FILES])


def _new_name(size: str) -> str:
    token = secrets.token_hex(16)
    if size == Size.ORIGINAL:
        return f"incoming/{token}"
    return f"{token[:2]}/{token[2:]}.jpg"


def _sync(where: Storage, name: str) -> None:
    """Let a file of this machine outlive a power failure, as the row that names it does."""
    try:
        path = Path(where.path(name))
    except NotImplementedError:
        return  # it is on another machine
    for entry in (path, path.parent):
        descriptor = os.open(entry, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
