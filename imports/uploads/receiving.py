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

    An import that died or was cancelled may be started again, and continues where it stopped. An
    upload in any other state stays as it is.
    """
    with transaction.atomic():
        upload = Upload.objects.select_for_update().get(pk=upload.pk)
        if not upload.is_startable:
            return False
        upload.state, upload.fault = State.IMPORTING, ""
        upload.save(update_fields=["state", "fault"])
        _send(upload, import_upload, by=by)
    return True


def _send(upload: Upload, actor: LedgerActor[[str], None], *, by: UUID) -> None:
    message = actor.send_with_options(args=(str(upload.pk),), created_by=by)
    Upload.objects.filter(pk=upload.pk).update(task_id=message.message_id, updated_at=Now())
