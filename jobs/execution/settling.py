"""Send the task that follows a group, once all of the group's tasks have ended.

Each time the tasks themselves are looked at; no counter is decremented. So a task that ends twice
(after a replay), or whose worker dies right after its commit, does no harm.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from dramatiq import get_broker

from jobs.execution import entrance
from jobs.ledger.database import execute, fetch
from jobs.urgency import Urgency

#: All tasks of the group `g` have ended and its callback, whose actor this release knows, is still
#: to be sent.
_IS_TO_SETTLE = """
    callback_task_id IS NULL AND callback_actor = ANY(%s) AND NOT EXISTS (
        SELECT FROM jobs_task WHERE group_id = g.id AND state IN ('queued', 'retrying', 'running'))
"""
#: How many groups one sweep looks at.
SWEEP_GROUPS = 100


def settle(group_id: UUID | None) -> bool:
    """Send the group's callback once all its tasks have ended; return whether it was sent now.

    A callback that only another release knows is left to processes of that release.
    """
    broker = get_broker()
    sql = f"""
        SELECT callback_actor, callback_args, urgency, created_by FROM jobs_taskgroup AS g
        WHERE {_IS_TO_SETTLE} AND id = %s FOR UPDATE
    """  # noqa: S608 - constants only
    with transaction.atomic():
        rows = fetch(sql, (list(broker.actors), group_id))
        if not rows:
            return False
        [(actor_name, args, urgency, sender)] = rows
        with entrance.entering(Urgency(urgency), sender=sender):
            message = broker.enqueue(broker.get_actor(actor_name).message(*args))
        execute(
            "UPDATE jobs_taskgroup SET callback_task_id = %s WHERE id = %s",
            (message.message_id, group_id),
        )
    return True


def settle_forgotten() -> int:
    """Settle the groups that ended without a call of `settle`; return their number.

    That happens when the last task's worker died, or an operator cancelled it.
    """
    sql = f"SELECT id FROM jobs_taskgroup AS g WHERE {_IS_TO_SETTLE} LIMIT %s"  # noqa: S608 - constants only
    rows = fetch(sql, (list(get_broker().actors), SWEEP_GROUPS))
    return sum(settle(group_id) for (group_id,) in rows)
