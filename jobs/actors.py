"""What the ledger itself does in the background."""

from __future__ import annotations

from datetime import timedelta

import jobs
from jobs.api import announcements
from jobs.execution import mirrors
from jobs.worker import retention

#: A fault of our own database that takes an operator to mend, such as a full disk.
HOUR = timedelta(hours=1)


@jobs.actor(queue_name="notifications", outlasts=HOUR)
def announce_completion(job_id: str, state: str) -> None:
    """Tell its owner how a job ended.

    The database sends this task; its name and queue stand in a migration.
    """
    announcements.announce(job_id, state)


@jobs.actor(outlasts=HOUR)
def mirror_state(task_id: str) -> None:
    """Show on the rows a task is about that it died, was cancelled or was replayed.

    The database sends this task; its name and queue stand in a migration.
    """
    mirrors.show(task_id)


# The next night's round deletes what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def prune_tasks() -> dict[str, int]:
    """Delete ended tasks past their retention, batch by batch."""
    return retention.in_batches(retention.prune_tasks)
