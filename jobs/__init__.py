"""The task ledger: durable background work for every app.

import jobs

@jobs.actor(queue_name="default") def count_login(user_id: str) -> None: ...

with transaction.atomic():
    user.save()
    count_login.send(str(user.id))
"""

from jobs.errors import JobsError, NotComputable, PermanentError, Postponed, TaskCancelled
from jobs.execution.current import RunningTask, current_task
from jobs.execution.declaration import LedgerActor, actor
from jobs.execution.entrance import entering
from jobs.execution.groups import send_group
from jobs.execution.job_types import Limits, job_type
from jobs.results.keeping import keep_result
from jobs.states import Standing
from jobs.urgency import Urgency
from jobs.worker.warming import before_ready

__all__ = [
    "JobsError",
    "LedgerActor",
    "Limits",
    "NotComputable",
    "PermanentError",
    "Postponed",
    "RunningTask",
    "Standing",
    "TaskCancelled",
    "Urgency",
    "actor",
    "before_ready",
    "current_task",
    "entering",
    "job_type",
    "keep_result",
    "send_group",
]
