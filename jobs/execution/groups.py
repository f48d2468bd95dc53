"""Send a group: many tasks, and one more once all of them have ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from jobs.execution import entrance, settling
from jobs.execution.declaration import LedgerActor
from jobs.ledger.database import execute
from jobs.ledger.storable import as_jsonb


def send_group(
    actor: LedgerActor[..., Any],
    arguments: Iterable[Sequence[Any]],
    *,
    then: LedgerActor[..., Any],
    then_args: Sequence[Any] = (),
) -> UUID:
    """Send one task of `actor` for each argument list, and one of `then` once all have ended.

    A task has ended when it has succeeded, is dead or is cancelled. The task of `then` is sent
    exactly once, with `then_args`; for an empty group it is sent at once. Return the group's id, by
    which the tasks of the group can be found.
    """
    group_id, here = uuid7(), entrance.current()
    with transaction.atomic():
        children = actor.send_many(arguments, group_id=group_id)
        execute(
            """
            INSERT INTO jobs_taskgroup
                (id, size, callback_actor, callback_args, urgency, created_by, created_at)
            VALUES (%s, %s, %s, %s, %s, %s, statement_timestamp())
            """,
            (
                group_id,
                len(children),
                then.actor_name,
                as_jsonb(list(then_args), f"The arguments of {then.actor_name}"),
                here.urgency,
                here.sender,
            ),
        )
        if not children:
            settling.settle(group_id)
    return group_id
