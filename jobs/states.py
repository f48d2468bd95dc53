"""Where a task stands; docs/task-lifecycle.md shows every arrow."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


class State(models.TextChoices):
    """The state of a task."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    RETRYING = "retrying", "Retrying"
    SUCCEEDED = "succeeded", "Succeeded"
    DEAD = "dead", "Dead"
    CANCELLED = "cancelled", "Cancelled"


#: States from which a worker may claim a task.
PENDING_STATES = (State.QUEUED, State.RETRYING)
#: States that no worker changes any more.
TERMINAL_STATES = (State.SUCCEEDED, State.DEAD, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a task stands that has not succeeded; `error` is that of its last attempt, redacted."""

    state: State
    error: str = ""
    is_expired: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether no attempt follows unless somebody replays it."""
        return self.state in (State.DEAD, State.CANCELLED)
