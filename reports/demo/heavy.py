"""The demo city's heavy jobs: what workers compute when they start, and one job that fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from jobs.api import starting
from jobs.execution import job_types
from jobs.models import Task
from reports.leaderboard.actors import compute_leaderboard
from reports.models import LeaderboardPeriod

#: The payload of each. The parks have far too few reports for a search, which ends as a dead task.
PAYLOADS: dict[str, dict[str, Any]] = {
    "forecast": {},
    "reports.patterns": {"permutations": 199},
    "discovery": {"department": "parks", "trials": 8},
}
#: By then workers have credited the reputation that the leaderboard is about.
LEADERBOARD_DELAY = timedelta(seconds=45)


def load(administrator: User) -> int:
    """Start each job, unless one of its type was started before; return how many."""
    started = set(Task.objects.filter(job_type__in=PAYLOADS).values_list("job_type", flat=True))
    new = [name for name in PAYLOADS if name not in started]
    for name in new:
        _start(name, administrator)
    return len(new) + _send_leaderboard()


def _start(name: str, administrator: User) -> None:
    job_type = job_types.find(name)
    assert job_type is not None  # noqa: S101 - each is declared in this product
    payload = job_type.payload(data=PAYLOADS[name])
    payload.is_valid(raise_exception=True)
    starting.start(job_type, dict(payload.data), by=administrator.pk)


@transaction.atomic
def _send_leaderboard() -> int:
    """Send the task of the leaderboard, which else is computed once an hour."""
    if Task.objects.filter(actor=compute_leaderboard.actor_name).exists():
        return 0
    kwargs = {"periods": LeaderboardPeriod.values, "is_kept": False}
    compute_leaderboard.send_with_options(kwargs=kwargs, delay=LEADERBOARD_DELAY)
    return 1
