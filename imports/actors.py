"""The background tasks on uploaded files: check, import, and delete them after their retention."""

from __future__ import annotations

from datetime import timedelta

import jobs
from imports.uploads import processing
from jobs.worker import retention

HOUR = timedelta(hours=1)


# Outlasts no outage: a person waits for the preview and can upload the file again.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=timedelta(minutes=1))
def check_upload(upload_id: str) -> None:
    """Read an uploaded file as the import would, and store a preview of it.

    A file that cannot be read is marked as refused, and the task succeeds.
    """
    processing.check(upload_id)


@check_upload.mirror
def show_check_end(standing: jobs.Standing, upload_id: str) -> None:
    """Show on the upload that its check died or was cancelled."""
    processing.show_end(upload_id, standing, "check")


# It needs the database and the disk, and continues where it stopped.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=HOUR)
def import_upload(upload_id: str) -> None:
    """Import an uploaded file whose import was started; a later attempt continues where it stopped.

    That is after the last committed batch. A file that cannot be read is marked as refused, and an
    upload in another state is left alone; the task succeeds in both cases.
    """
    processing.carry_out(upload_id)


@import_upload.mirror
def show_import_end(standing: jobs.Standing, upload_id: str) -> None:
    """Show on the upload that its import died or was cancelled."""
    processing.show_end(upload_id, standing, "import")


# The round of the next night deletes what this one left.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=HOUR)
def prune_uploads() -> dict[str, int]:
    """Delete uploads, with their files, that are older than IMPORT_RETENTION_DAYS."""
    return retention.in_batches(processing.prune)
