"""Run and inspect background work in the tests of any app."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F
from dramatiq import get_broker

from jobs.execution import attempts
from jobs.execution.declaration import LedgerActor
from jobs.ledger import interventions
from jobs.models import OnceKey, Task
from jobs.states import State

#: After this many tasks the chain is taken for one that never ends.
RUN_LIMIT_TASKS = 10_000


def run_tasks(*, until_delay: bool = True, raise_errors: bool = True) -> int:
    """Run every waiting task, and the tasks those send, in this thread; return how many ran.

    Args:
        until_delay: whether to leave tasks that are not due yet, and those that failed meanwhile,
            whose pause is random and may be zero. Otherwise both run too.
        raise_errors: whether to raise the error of the first attempt that fails; otherwise go on,
            and the ledger has the error.
    """
    count, failed = 0, set[UUID]()
    while (task := _next_task(until_delay=until_delay, besides=failed)) is not None:
        actor = get_broker().get_actor(task.actor)
        if not isinstance(actor, LedgerActor):
            raise TypeError(f"{task.actor} is no actor of the ledger.")
        state, error = attempts.run(actor, task.id, uuid4())
        if error is not None:
            if raise_errors:
                raise error
            failed.add(task.pk)
        if state == State.RETRYING and error is None:
            failed.add(task.pk)  # put off
        if state is None and not Task.objects.get(pk=task.pk).is_terminal:
            break  # paused, or under a limit
        count += 1
        if count > RUN_LIMIT_TASKS:
            raise AssertionError(f"More than {RUN_LIMIT_TASKS} tasks ran; does one send itself?")
    return count


def advance(period: timedelta) -> None:
    """Let `period` pass for the ledger: waiting tasks come due sooner, deadlines and keys expire.

    The ledger uses PostgreSQL's clock, which no test can set, so its times are moved back instead.
    """
    Task.objects.pending().update(
        run_at=F("run_at") - period,
        publish_at=F("publish_at") - period,
        deadline_at=F("deadline_at") - period,
    )
    OnceKey.objects.update(expires_at=F("expires_at") - period)


def _next_task(*, until_delay: bool, besides: Collection[UUID]) -> Task | None:
    waiting = Task.objects.due().exclude(pk__in=besides) if until_delay else Task.objects.pending()
    task = waiting.order_by("urgency", "priority", "run_at", "id").first()
    if task is not None:
        interventions.hasten(task.id)
    return task


def assert_sent(actor: LedgerActor[..., Any], *args: Any, **kwargs: Any) -> Task:
    """Return the one task of `actor` with these arguments.

    Raises:
        AssertionError: the ledger has none, or several.
    """
    sent = Task.objects.filter(actor=actor.actor_name)
    matches = [
        task for task in sent if task.args == _as_json(args) and task.kwargs == _as_json(kwargs)
    ]
    if len(matches) != 1:
        others = [(task.args, task.kwargs) for task in sent]
        raise AssertionError(
            f"{len(matches)} tasks {actor.actor_name}{args}{kwargs or ''}; there are {others}"
        )
    return matches[0]


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))
