"""The states of a task; docs/task-lifecycle.md shows every change of state."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """The state of a task."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    RETRYING = "retrying", _("Retrying")
    SUCCEEDED = "succeeded", _("Succeeded")
    DEAD = "dead", _("Dead")
    CANCELLED = "cancelled", _("Cancelled")


#: States from which a worker may claim a task.
PENDING_STATES = (State.QUEUED, State.RETRYING)
#: States that no worker changes any more.
TERMINAL_STATES = (State.SUCCEEDED, State.DEAD, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a task that has not succeeded, for mirror functions.

    `error` is that of its last attempt, redacted. `is_expired` says that the task was cancelled
    because its deadline passed.
    """

    task_id: UUID
    state: State
    error: str = ""
    is_expired: bool = False

    @property
    def has_ended(self) -> bool:
        """Return whether no attempt follows, unless an operator replays the task."""
        return self.state in (State.DEAD, State.CANCELLED)
