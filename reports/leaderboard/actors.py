"""The task that computes the leaderboard."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rest_framework.permissions import IsAdminUser

import jobs
from jobs.results.sharing import with_staff
from reports.leaderboard import computing, keeping
from reports.leaderboard.serializers import LeaderboardJobSerializer, LeaderboardPayloadSerializer
from reports.models import LeaderboardPeriod


@jobs.job_type(
    "leaderboard",
    payload=LeaderboardPayloadSerializer,
    result=LeaderboardJobSerializer,
    permission=IsAdminUser,
    rows=keeping.rows,
    shared_with=with_staff,
)
# The next hour computes everything anew.
@jobs.actor(queue_name="analytics", kind="long", outlasts=timedelta(seconds=1))
def compute_leaderboard(*, periods: list[str], is_kept: bool) -> dict[str, Any]:
    """Bring the leaderboard of each period up to date: for the whole city, and by area."""
    task = jobs.current_task()
    boards: list[dict[str, Any]] = list(task.checkpoint or [])
    done = {board["period"] for board in boards}
    for name in periods:
        if name in done:
            continue
        period = LeaderboardPeriod(name)
        write = computing.prepare(period)
        with task.effects():
            write()
            boards += keeping.summaries(period)
            done.add(name)
            result = {"boards": boards}
            if is_kept:
                is_partial = len(done) < len(periods)
                jobs.keep_result(result, inputs={"periods": periods}, is_partial=is_partial)
            task.save_checkpoint(boards)
        task.progress(len(done) / len(periods), str(period.label), boards=len(boards))
    return {"boards": boards}
