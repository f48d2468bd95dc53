"""The tasks that learn when reports are done, and keep the dates of open ones up to date."""

from __future__ import annotations

from datetime import timedelta

import jobs
from reports.dates import learning, recomputing


# The next tick of the schedule learns what this one did not.
@jobs.actor(queue_name="analytics", kind="long", outlasts=timedelta(minutes=1), is_bulk=True)
def learn_dates() -> dict[str, int]:
    """Learn from the city's history when reports are done, unless that was done lately.

    Return the new model's version as `version`, 0 if there is none.
    """
    model = learning.learn_when_due()
    return {"version": 0 if model is None else model.pk}


# The next tick, a minute later, computes what this one did not.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=timedelta(seconds=1))
def refresh_dates() -> dict[str, int]:
    """Compute the dates of new and changed reports, and from time to time of all open ones.

    Return how many were `computed` and how many `changed`. Each batch is a transaction of its own.
    """
    return recomputing.recompute(jobs.current_task().effects)
