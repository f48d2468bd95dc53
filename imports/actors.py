"""Background work on uploaded files, and the deletion of those that have had their time."""

from __future__ import annotations

import jobs
from imports.uploads import processing
from jobs.worker import retention


@jobs.actor(queue_name="maintenance", kind="long")
def check_upload(upload_id: str) -> None:
    """Read an uploaded file as the import would, and store what it would do."""
    processing.check(upload_id)


@jobs.actor(queue_name="maintenance", kind="long")
def import_upload(upload_id: str) -> None:
    """Import a checked file; an attempt that broke off is gone on with where it stopped."""
    processing.carry_out(upload_id)


@jobs.actor(queue_name="maintenance", kind="long")
def prune_uploads() -> dict[str, int]:
    """Delete uploads, with their files, that are older than IMPORT_RETENTION_DAYS."""
    return retention.in_batches(processing.prune)
