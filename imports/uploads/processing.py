"""The tasks on an uploaded file: check it, import it, delete it after its retention."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

import jobs
from imports.carrying_out import COUNTERS, OnProgress, Progress, check_file, import_file
from imports.errors import ImportFileError
from imports.importers import Importer, ImportFile, importer_of
from imports.models import ImportRun, Upload

PRUNE_BATCH_UPLOADS = 20
State = Upload.State


def check(upload_id: str) -> None:
    """Read an uploaded file to its end and store a preview of its import.

    A file that cannot be read is refused. An upload that this task does not check, or none
    of that id, is left alone.

    Raises:
        NoCurrentTask: it is called outside a task.
    """
    upload = _of_task(upload_id, State.CHECKING)
    if upload is None:
        return
    try:
        run, notes, preview = check_file(
            importer(upload), rejects=rejects_path(upload), on_progress=_progress("checking")
        )
    except ImportFileError as error:
        _refuse(upload, error)
        return
    findings = {"counts": _counts(run), "notes": notes, "shown": preview}
    _move(upload, State.CHECKED, findings=findings)


def carry_out(upload_id: str) -> None:
    """Import an uploaded file, from after the last committed batch of an earlier attempt.

    A file that cannot be read is refused. An upload that this task does not import, or none
    of that id, is left alone.

    Raises:
        NoCurrentTask: it is called outside a task.
    """
    upload = _of_task(upload_id, State.IMPORTING)
    if upload is None:
        return
    task = jobs.current_task()
    try:
        run = import_file(
            importer(upload),
            rejects=rejects_path(upload),
            effects=task.effects,
            on_progress=_progress("importing"),
        )
    except ImportFileError as error:
        _refuse(upload, error)
        return
    _move(upload, State.IMPORTED, result=_counts(run))


def show_end(upload_id: str, standing: jobs.Standing, stage: str) -> None:
    """Show on the upload that its check or import was stopped; nothing if it has a later task."""
    if not standing.has_ended:
        return  # a replayed task shows its own progress
    reason = standing.error or "It was cancelled."
    Upload.objects.filter(
        pk=upload_id, task_id=standing.task_id, state__in=[State.CHECKING, State.IMPORTING]
    ).update(state=State.STOPPED, fault=f"The {stage} was stopped. {reason}", updated_at=Now())


def prune() -> int:
    """Delete a batch of uploads past IMPORT_RETENTION_DAYS, with their files; return how many."""
    before = Now() - timedelta(days=settings.IMPORT_RETENTION_DAYS)
    old = list(Upload.objects.filter(created_at__lt=before).order_by("pk")[:PRUNE_BATCH_UPLOADS])
    for upload in old:
        delete_files(upload)
    Upload.objects.filter(pk__in=[upload.pk for upload in old]).delete()
    return len(old)


def delete_files(upload: Upload) -> None:
    """Delete the uploaded file and its rejects; missing files are ignored."""
    shutil.rmtree(folder(upload), ignore_errors=True)


def folder(upload: Upload) -> Path:
    """Return the folder of an upload's file and rejects."""
    return Path(upload.file.path).parent


def rejects_path(upload: Upload) -> Path:
    """Return the path of the rejects: of the import once it was started, of the check before."""
    is_import = upload.state in {State.IMPORTING, State.IMPORTED} or (
        upload.state == State.STOPPED and upload.findings
    )
    return folder(upload) / ("import.rejects.jsonl" if is_import else "check.rejects.jsonl")


def importer(upload: Upload) -> Importer[Any]:
    """Return the importer of an uploaded file.

    Raises:
        ImportFileError: the importer refuses the options.
    """
    file = ImportFile(
        path=Path(upload.file.path),
        source=upload.source,
        imported_by=upload.uploaded_by_id,
        **upload.options,
    )
    return importer_of(upload.target)(file)


def _of_task(upload_id: str, state: Upload.State) -> Upload | None:
    """Return the upload in this state, if the current task is its newest and has work to do.

    A task that was stopped and is replayed goes on.
    """
    here = Upload.objects.filter(pk=upload_id, task_id=jobs.current_task().id)
    here.filter(state=State.STOPPED).update(state=state, fault="", updated_at=Now())
    return here.filter(state=state).first()


def _progress(stage: str) -> OnProgress:
    """Return a function that shows the progress on the current task; it stops a cancelled one."""
    task = jobs.current_task()

    def show(progress: Progress) -> None:
        counts = {name: getattr(progress.run, name) for name in COUNTERS}
        task.progress(progress.fraction, stage, **counts)

    return show


def _refuse(upload: Upload, error: ImportFileError) -> None:
    _move(upload, State.REFUSED, fault=str(error))


def _move(upload: Upload, state: Upload.State, **values: Any) -> None:
    with jobs.current_task().effects():
        here = Upload.objects.filter(pk=upload.pk, state=upload.state)
        here.update(state=state, updated_at=Now(), **values)


def _counts(run: ImportRun) -> dict[str, int]:
    return {name: getattr(run, name) for name in COUNTERS}
