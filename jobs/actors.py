"""What the ledger itself does in the background."""

from __future__ import annotations

import jobs
from jobs.api import announcements
from jobs.worker import retention


@jobs.actor(queue_name="notifications")
def announce_completion(job_id: str, state: str) -> None:
    """Tell its owner how a job ended.

    The database sends this task; its name and queue stand in a migration.
    """
    announcements.announce(job_id, state)


@jobs.actor(kind="long", queue_name="maintenance")
def prune_tasks() -> dict[str, int]:
    """Delete ended tasks past their retention, batch by batch."""
    return retention.in_batches(retention.prune_tasks)
