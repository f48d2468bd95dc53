"""Starting a match run, and reading its status."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from jobs.ledger import database
from jobs.models import Task
from jobs.states import State
from matching.actors import run_matches
from matching.limits import Quota, spend
from matching.models import MatchRun

#: State of a task → status of a match run in the API.
STATUS_OF = {
    State.QUEUED: "pending",
    State.RUNNING: "processing",
    State.RETRYING: "processing",
    State.SUCCEEDED: "completed",
    State.DEAD: "failed",
    State.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """The parameters of a match run.

    `filters` are those that `matching.ranking.carrying_out.criteria_for` reads.
    """

    keywords: str = ""
    filters: dict[str, Any] = field(default_factory=dict)
    limit: int = 100
    is_saved: bool = False
    wants_notice: bool = False


def start(user: User, request: RunRequest) -> MatchRun:
    """Store a match run and send the task that carries it out.

    If the matches are to be saved and such a run of the user is waiting already, that run is
    returned.

    Raises:
        TooManyRequests: the citizen started too many runs within an hour.
    """
    now = database.now()
    run = MatchRun(
        user=user,
        keywords=request.keywords,
        filters=request.filters,
        limit=request.limit,
        is_saved=request.is_saved,
        wants_notice=request.wants_notice,
        created_at=now,
        updated_at=now,
    )
    with transaction.atomic():
        message = run_matches.send_with_options(
            args=(str(run.pk),),
            created_by=user.pk,
            is_completion_announced=request.wants_notice,
            unique_key=f"user:{user.pk}:saved-matches" if request.is_saved else None,
        )
        task_id = UUID(message.message_id)
        if waiting := MatchRun.objects.filter(task_id=task_id).first():
            return waiting
        spend(Quota.RUNS, user.pk)
        run.task_id = task_id
        run.save(force_insert=True)
    return run


def task_of(run: MatchRun) -> Task | None:
    """Return the task of the run; None if it was deleted after its retention."""
    return Task.objects.filter(pk=run.task_id).first() if run.task_id else None


def status_of(run: MatchRun, task: Task | None) -> str:
    """Return the run's status in the words of the API; a run without its task has ended."""
    if task is not None:
        return STATUS_OF[State(task.state)]
    if run.ended_as:
        return STATUS_OF[State(run.ended_as)]
    return "failed" if run.matches is None else "completed"
