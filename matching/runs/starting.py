"""Match runs: a citizen asks, a task finds, the citizen reads what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from jobs.models import Task
from jobs.states import State
from matching.actors import run_matches
from matching.models import MatchRun

#: The ledger's states in the words of the match API.
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
    """What a run shall find; `filters` are those of `matching.ranking.carrying_out.criteria_for`."""

    keywords: str = ""
    filters: dict[str, Any] = field(default_factory=dict)
    limit: int = 100
    is_saved: bool = False
    wants_notice: bool = False


def start(user: User, request: RunRequest) -> MatchRun:
    """A run waits for a worker.

    Of those that save, one waits for each citizen: who asks again gets that one.
    """
    now = timezone.now()
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
        run.task_id = task_id
        run.save(force_insert=True)
    return run


def task_of(run: MatchRun) -> Task | None:
    """The task that carries the run out; None once it was pruned."""
    return Task.objects.filter(pk=run.task_id).first() if run.task_id else None


def status_of(run: MatchRun, task: Task | None) -> str:
    """The status in the API's words; a run that outlived its task has ended."""
    if task is not None:
        return STATUS_OF[State(task.state)]
    if run.ended_as:
        return STATUS_OF[State(run.ended_as)]
    return "failed" if run.matches is None else "completed"
