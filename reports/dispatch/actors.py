"""The job that plans a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from rest_framework.permissions import IsAdminUser

import jobs
from reports.dispatch import planning, showing
from reports.dispatch.gathering import Order
from reports.dispatch.problem import Options
from reports.dispatch.serializers import PlanPayloadSerializer, PlanResultSerializer

JOB_TYPE = "optimization"


@jobs.job_type(
    JOB_TYPE,
    payload=PlanPayloadSerializer,
    result=PlanResultSerializer,
    permission=IsAdminUser,
    limits=jobs.Limits(active_per_user=2, per_hour=60),
    rows=showing.rows,
    shared_with=showing.shared_with,
)
# It outlasts no outage: a person waits, and can start it again.
@jobs.actor(queue_name="analytics", kind="long", outlasts=timedelta(seconds=1))
def plan_dispatch(
    *, day: str, rounds: int, seconds: int, seed: int, **order: Any
) -> dict[str, Any]:
    """Plan a day of the crews of a department: which crew goes to which open reports, in which
    order. Crews' skills, shifts, breaks and homes, severity, deadlines and travel times count.

    The best plan so far can be read while the job runs, and stays if it is cancelled. Nothing is
    assigned until the plan is applied.
    """
    return planning.make(
        Order(day=date.fromisoformat(day), **order),
        Options(rounds=rounds, seconds=seconds, seed=seed),
        jobs.current_task(),
    )
