"""The task that searches the reports for patterns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rest_framework.permissions import IsAdminUser

import jobs
from jobs.results.sharing import with_staff
from reports.patterns import rows, running
from reports.patterns.serializers import PatternsPayloadSerializer, PatternsSerializer


@jobs.job_type(
    "reports.patterns",
    payload=PatternsPayloadSerializer,
    result=PatternsSerializer,
    permission=IsAdminUser,
    limits=jobs.Limits(active_per_user=1, per_hour=10),
    code_version="2",
    rows=rows.rows,
    shared_with=with_staff,
)
# It needs nothing but our own database; the next night searches anew.
@jobs.actor(queue_name="analytics", kind="long", outlasts=timedelta(hours=1))
def find_patterns(**payload: Any) -> dict[str, Any]:
    """Find patterns in public reports: where and when they crowd beyond what place and season let
    expect, what comes back after repairs, which topics rise, and when each kind is frequent.
    """
    return running.run(jobs.current_task(), payload)
