"""The tasks of policies: searching for a better one, and keeping the queue in order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import jobs
from jobs.models import JobResult, Task
from jobs.states import TERMINAL_STATES
from reports.policies import queueing, searching, trials
from reports.policies.access import MayDiscover, shared_results
from reports.policies.serializers import DiscoveryPayloadSerializer, DiscoverySerializer

HOUR, SECONDS = timedelta(hours=1), timedelta(seconds=1)


# A worker that died comes back within it, or another one takes over; the search replays the trial.
@jobs.actor(queue_name="analytics", kind="long", outlasts=HOUR)
def run_trial(study_id: str, number: int) -> dict[str, bool]:
    """Replay the history under the policy of one trial, unless somebody did or the search ended."""
    task = jobs.current_task()
    goes_on = Task.objects.filter(pk=study_id).exclude(state__in=TERMINAL_STATES).exists()
    taken = trials.take(UUID(study_id), task, number) if goes_on else None
    is_stored = taken is not None and trials.carry_out(UUID(study_id), taken, task)
    return {"stored": is_stored}


def _rows(result: JobResult) -> Any:
    return searching.trial_rows(result.pk)


@jobs.job_type(
    "discovery",
    payload=DiscoveryPayloadSerializer,
    result=DiscoverySerializer,
    permission=MayDiscover,
    limits=jobs.Limits(active_per_user=1, per_hour=6),
    code_version="1",
    rows=_rows,
    shared_with=shared_results,
)
# It outlasts workers that are restarted, such as at an update.
@jobs.actor(queue_name="analytics", kind="long", outlasts=HOUR)
def discover_policy(**payload: Any) -> dict[str, Any]:
    """Find the order of work that would have served the city best.

    Past reports are replayed under many policies of triage: which reports come first by severity,
    age, deadline and the number of neighbours who have the problem too. The best one is then judged
    on a later period that the search has not seen, beside the policy in force.
    """
    return searching.search(jobs.current_task(), payload, run_trial)


# The next minute puts it in order anew.
@jobs.actor(queue_name="maintenance", kind="long", outlasts=SECONDS)
def order_queue() -> dict[str, int]:
    """Give each open report its place in the queue; return how many places changed."""
    with jobs.current_task().effects():
        return {"changed": queueing.refresh()}
