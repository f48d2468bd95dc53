"""Receiving a file at the desk, and sending the tasks that check and import it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.db import transaction
from django.db.models.functions import Now

from imports.actors import check_upload, import_upload
from imports.models import Upload
from jobs import LedgerActor

State = Upload.State


def receive(
    content: File[bytes], *, target: str, source: str, options: dict[str, Any], by: UUID
) -> Upload:
    """Store an uploaded file and send the task that checks it.

    `options` are those of ImportFile, as JSON. If storing fails, the file is deleted again.
    """
    upload = Upload(target=target, source=source, options=options, uploaded_by_id=by)
    upload.name = (content.name or "file")[-255:]
    upload.file.save("file", content, save=False)
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
            _send(upload, check_upload, by=by)
    except BaseException:
        upload.file.delete(save=False)
        raise
    return upload


def start(upload: Upload, *, by: UUID) -> bool:
    """Send the task that imports an upload whose preview is ready; return whether it was sent.

    An upload in another state than CHECKED stays as it is.
    """
    with transaction.atomic():
        checked = Upload.objects.filter(pk=upload.pk, state=State.CHECKED)
        moved = checked.update(state=State.IMPORTING, updated_at=Now())
        if moved:
            _send(upload, import_upload, by=by)
    return bool(moved)


def _send(upload: Upload, actor: LedgerActor[[str], None], *, by: UUID) -> None:
    message = actor.send_with_options(args=(str(upload.pk),), created_by=by)
    Upload.objects.filter(pk=upload.pk).update(task_id=message.message_id)
