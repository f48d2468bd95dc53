"""Actions of operators on tasks and queues; each is recorded with who did it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import DataError, transaction
from django.utils.module_loading import import_string
from dramatiq import get_broker

from jobs.errors import ArgumentsRefused, NotInThatState
from jobs.execution import breakers, job_types
from jobs.ledger import interventions
from jobs.ledger.database import execute
from jobs.models import Task
from jobs.states import State

#: States in which a task can be edited and run again in one step.
EDITABLE_STATES = (State.DEAD, State.CANCELLED)


class AuditRecorder(Protocol):
    """A function that records operator actions; JOBS_AUDIT_RECORDER names one."""

    def __call__(
        self, event: str, *, actor_id: UUID | None, subject: str, data: dict[str, Any] | None = None
    ) -> object: ...


def replay(task_ids: Iterable[UUID], *, by: UUID | None) -> int:
    """Give dead tasks all their attempts again; return how many of `task_ids` were dead."""
    return _each(
        task_ids, "task.replayed", lambda task_id: interventions.replay(task_id) is not None, by
    )


def cancel(task_ids: Iterable[UUID], *, by: UUID | None) -> int:
    """Cancel waiting tasks, ask running ones to stop; return how many of `task_ids` there were."""
    return _each(
        task_ids, "task.cancelled", lambda task_id: interventions.cancel(task_id) is not None, by
    )


def retry_now(task_ids: Iterable[UUID], *, by: UUID | None) -> int:
    """Make waiting tasks due at once; return how many of `task_ids` waited."""
    return _each(task_ids, "task.hastened", interventions.hasten, by)


def discard(task_ids: Iterable[UUID], *, by: UUID | None) -> int:
    """Cancel dead tasks for good; return how many of `task_ids` were dead."""
    return _each(task_ids, "task.discarded", interventions.discard, by)


def edit_arguments(
    task_id: UUID, args: list[Any], kwargs: dict[str, Any], *, by: UUID | None
) -> None:
    """Replace the arguments of a dead task, so that it can be replayed with them.

    The record names the arguments that changed, but not their values, which may be personal.

    Raises:
        NotInThatState: the task is not dead, or its arguments are sealed.
        ArgumentsRefused: the task's actor, or its job type, does not take them.
    """
    with transaction.atomic():
        _edit(task_id, args, kwargs, (State.DEAD,), "task.arguments_edited", by)


def edit_and_replay(
    task_id: UUID, args: list[Any], kwargs: dict[str, Any], *, by: UUID | None
) -> None:
    """Replace the arguments of a dead or cancelled task and run it with them, exactly once.

    A second call finds the task queued and is refused.

    Raises:
        NotInThatState: the task is neither dead nor cancelled, its arguments are sealed, or another
            task already waits under its unique key.
        ArgumentsRefused: the task's actor, or its job type, does not take them.
    """
    with transaction.atomic():
        _edit(task_id, args, kwargs, EDITABLE_STATES, "task.edited_and_replayed", by)
        if interventions.replay(task_id, states=EDITABLE_STATES) != State.QUEUED:
            raise NotInThatState("Another task already waits under its unique key.")


def _edit(
    task_id: UUID,
    args: list[Any],
    kwargs: dict[str, Any],
    states: Sequence[State],
    event: str,
    by: UUID | None,
) -> None:
    editable = Task.objects.filter(pk=task_id, state__in=states, sealed_args=None)
    task = editable.select_for_update().first()
    if task is None:
        kinds = " or ".join(states)
        raise NotInThatState(
            f"Only the arguments of a {kinds} task can be edited, and none that are sealed."
        )
    _assert_taken(task, args, kwargs)
    changed = _changed(task.args, args) + _changed(task.kwargs, kwargs)
    task.args, task.kwargs = args, kwargs
    _save_arguments(task)
    record(event, f"task:{task_id}", by, {"changed": changed})


def _save_arguments(task: Task) -> None:
    try:
        task.save(update_fields=["args", "kwargs"])
    except DataError as error:
        raise ArgumentsRefused(
            "PostgreSQL cannot store the character NUL or half of a surrogate pair."
        ) from error


def _assert_taken(task: Task, args: list[Any], kwargs: dict[str, Any]) -> None:
    actor = get_broker().actors.get(task.actor)
    if actor is None:
        return  # this release has no such actor, so nothing can be checked
    try:
        inspect.signature(actor.fn).bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentsRefused(f"{task.actor}: {error}.") from error
    job_type = job_types.find(task.job_type)
    if job_type is not None and not (payload := job_type.payload(data=kwargs)).is_valid():
        raise ArgumentsRefused(f"{task.job_type}: {json.dumps(payload.errors)}")


def _changed(before: list[Any] | dict[str, Any], after: list[Any] | dict[str, Any]) -> list[str]:
    """Return the positions or names at which two sets of arguments differ."""
    old, new = _numbered(before), _numbered(after)
    return sorted(
        str(key)
        for key in old.keys() | new.keys()
        if (key in old, old.get(key)) != (key in new, new.get(key))
    )


def _numbered(values: list[Any] | dict[str, Any]) -> dict[Any, Any]:
    return dict(enumerate(values)) if isinstance(values, list) else dict(values)


def pause(queue: str, *, by: UUID | None, note: str = "") -> bool:
    """Start no more tasks of `queue`; return False when it was paused already."""
    sql = """
        INSERT INTO jobs_queue AS q (name, paused_at, note) VALUES (%s, statement_timestamp(), %s)
        ON CONFLICT (name) DO UPDATE SET paused_at = excluded.paused_at, note = excluded.note
            WHERE q.paused_at IS NULL
    """
    return _switch(sql, (queue, note), "queue.paused", queue, by)


def set_rate(queue: str, per_minute: int | None, *, by: UUID | None) -> bool:
    """Limit how many tasks of `queue` start a minute; None lifts the limit.

    Return False when that was the limit already.
    """
    sql = """
        INSERT INTO jobs_queue AS q (name, rate_per_minute, note) VALUES (%s, %s, '')
        ON CONFLICT (name) DO UPDATE SET rate_per_minute = excluded.rate_per_minute
        WHERE q.rate_per_minute IS DISTINCT FROM excluded.rate_per_minute
    """
    return _switch(sql, (queue, per_minute), "queue.rate_set", queue, by)


def resume(queue: str, *, by: UUID | None) -> bool:
    """Start tasks of a paused `queue` again; return False when it was not paused."""
    sql = """
        UPDATE jobs_queue SET paused_at = NULL, note = ''
        WHERE name = %s AND paused_at IS NOT NULL
    """
    return _switch(sql, (queue,), "queue.resumed", queue, by)


def reset_breaker(name: str, *, by: UUID | None) -> bool:
    """Close a circuit breaker, so that its service is called again; return False if closed."""
    with transaction.atomic():
        is_changed = breakers.close(name)
        if is_changed:
            record("breaker.reset", f"breaker:{name}", by)
    return is_changed


def _each(
    task_ids: Iterable[UUID], event: str, change: Callable[[UUID], bool], by: UUID | None
) -> int:
    changed = 0
    for task_id in task_ids:
        with transaction.atomic():
            if change(task_id):
                record(event, f"task:{task_id}", by)
                changed += 1
    return changed


def _switch(
    sql: str, parameters: tuple[str | int | None, ...], event: str, queue: str, by: UUID | None
) -> bool:
    with transaction.atomic():
        is_changed = bool(execute(sql, parameters))
        if is_changed:
            record(event, f"queue:{queue}", by)
    return is_changed


def record(event: str, subject: str, by: UUID | None, data: dict[str, Any] | None = None) -> None:
    """Record an operator's action with JOBS_AUDIT_RECORDER, in the current transaction."""
    if settings.JOBS_AUDIT_RECORDER:
        recorder: AuditRecorder = import_string(settings.JOBS_AUDIT_RECORDER)
        recorder(event, actor_id=by, subject=subject, data=data)
