"""Actors of the ledger itself: messages about ended jobs, mirrors, and pruning."""

from __future__ import annotations

from datetime import timedelta

import jobs
from jobs.api import announcements
from jobs.execution import mirrors
from jobs.results import pruning
from jobs.worker import retention

#: The time that an operator needs to repair our own database, such as after a full disk.
HOUR = timedelta(hours=1)


@jobs.actor(queue_name="notifications", outlasts=HOUR)
def announce_completion(job_id: str, state: str) -> None:
    """Notify the owner of a job how it ended.

    The database sends this task; its name and queue stand in a migration.
    """
    announcements.announce(job_id, state)


@jobs.actor(outlasts=HOUR)
def mirror_state(task_id: str) -> None:
    """Copy to the rows of an app that their task died, was cancelled or was replayed.

    The database sends this task; its name and queue stand in a migration.
    """
    mirrors.show(task_id)


# The task of the next night deletes what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def prune_tasks() -> dict[str, int]:
    """Delete ended tasks past their retention; return their number as `pruned`.

    Each batch is a transaction of its own.
    """
    return retention.in_batches(retention.prune_tasks)


# The task of the next night deletes what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def prune_results() -> dict[str, int]:
    """Delete kept results of jobs past their retention; return their number as `pruned`."""
    return retention.in_batches(pruning.prune)
