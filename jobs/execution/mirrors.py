"""Copy how a task ended to the rows of its app.

A success records its outcome itself. Where a task dies, is cancelled or is replayed, the database
sends `mirror_state` in the same statement (migration `mirrors`), so no code path can forget it.
`mirror_state` reads the task's state when it runs, so that a late one does no harm.
"""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from dramatiq import get_broker

from jobs import sealing
from jobs.execution.policy import DeclaredActor
from jobs.models import StatementTimestamp, Task
from jobs.states import Standing, State


@transaction.atomic
def show(task_id: str) -> None:
    """Call the mirror function of the task's actor, unless the task has succeeded or is gone."""
    task = Task.objects.select_for_update(no_key=True).filter(pk=task_id).first()
    if task is None or task.state == State.SUCCEEDED:
        return
    actor = cast("DeclaredActor | None", get_broker().actors.get(task.actor))
    if actor is None or actor.mirror_fn is None:
        return
    args, kwargs = _arguments(task)
    actor.mirror_fn(_standing(task), *args, **kwargs)


def _standing(task: Task) -> Standing:
    last = task.attempts.order_by("-id").first()
    was_late = Task.objects.filter(pk=task.pk, deadline_at__lte=StatementTimestamp()).exists()
    return Standing(
        task_id=task.pk,
        state=State(task.state),
        error=f"{last.error_type}: {last.error}" if last else "",
        is_expired=task.state == State.CANCELLED and was_late and task.cancel_requested_at is None,
    )


def _arguments(task: Task) -> tuple[list[Any], dict[str, Any]]:
    if task.sealed_args is None:
        return task.args, task.kwargs
    opened = sealing.unseal(bytes(task.sealed_args))
    return opened["args"], opened["kwargs"]
