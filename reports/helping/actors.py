"""The task that ends requests for help which time or other work has ended."""

from __future__ import annotations

from datetime import timedelta

import jobs
from reports.helping import ending


# The next round ends what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=timedelta(seconds=1))
def settle_help() -> dict[str, int]:
    """End requests for help that nobody ended; return the number of opportunities as `settled`."""
    return {"settled": ending.settle(jobs.current_task().effects)}
