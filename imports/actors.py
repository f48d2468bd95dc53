"""Background work on uploaded files, and the deletion of those that have had their time."""

from __future__ import annotations

from datetime import timedelta

import jobs
from imports.uploads import processing
from jobs.worker import retention

HOUR = timedelta(hours=1)


# No outage: somebody waits for the preview, and can upload the file again.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=timedelta(minutes=1))
def check_upload(upload_id: str) -> None:
    """Read an uploaded file as the import would, and store what it would do."""
    processing.check(upload_id)


# Our own database, or a full disk; it goes on where it stopped.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=HOUR)
def import_upload(upload_id: str) -> None:
    """Import a checked file; an attempt that broke off is gone on with where it stopped."""
    processing.carry_out(upload_id)


# The next night's round deletes what this one left.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=HOUR)
def prune_uploads() -> dict[str, int]:
    """Delete uploads, with their files, that are older than IMPORT_RETENTION_DAYS."""
    return retention.in_batches(processing.prune)
