"""The tables of background work: tasks, failed attempts, workers, queues and others."""

from __future__ import annotations

from jobs.models.http import IdempotencyKey, RateLimit
from jobs.models.operations import AlertEpisode, Dashboard, TaskRollup
from jobs.models.queues import Breaker, Queue, UndecodableMessage
from jobs.models.results import JobResult
from jobs.models.tasks import (
    BRIEF_BYTES,
    Attempt,
    FirstArgument,
    OnceKey,
    StatementTimestamp,
    StoredBytes,
    Task,
    TaskGroup,
    TaskQuerySet,
    first_id_at,
)
from jobs.models.workers import Mark, ScheduleTick, WebProcess, Worker

__all__ = [
    "BRIEF_BYTES",
    "AlertEpisode",
    "Attempt",
    "Breaker",
    "Dashboard",
    "FirstArgument",
    "IdempotencyKey",
    "JobResult",
    "Mark",
    "OnceKey",
    "Queue",
    "RateLimit",
    "ScheduleTick",
    "StatementTimestamp",
    "StoredBytes",
    "Task",
    "TaskGroup",
    "TaskQuerySet",
    "TaskRollup",
    "UndecodableMessage",
    "WebProcess",
    "Worker",
    "first_id_at",
]
