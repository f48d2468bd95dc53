"""The task that runs in this thread, as its actor sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from dramatiq import MessageProxy

from jobs.errors import NoCurrentTask, TaskCancelled
from jobs.failpoints import failpoint
from jobs.ledger import transitions
from jobs.ledger.database import execute
from jobs.urgency import Urgency


class RunningTask:
    """A claimed task; what it writes through here is fenced by its claim."""

    def __init__(self, claim: transitions.Claim) -> None:
        self.claim = claim
        self._is_cancel_requested = False

    @property
    def id(self) -> UUID:
        """The task's id: also the idempotency key to hand to other systems."""
        return self.claim.id

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self.claim.attempt

    @property
    def checkpoint(self) -> Any:
        """What the last `save_checkpoint` of an earlier attempt stored; None at first."""
        return self.claim.checkpoint

    def progress(self, fraction: float, stage: str = "", **counts: int) -> None:
        """Show that `fraction` (0 to 1) of the work is done, the name of the stage, and any counts.

        Raises:
            LeaseLost: another worker owns the task now.
            TaskCancelled: the task was asked to stop.
        """
        facts = {"fraction": round(min(max(fraction, 0.0), 1.0), 4), "stage": stage, **counts}
        self._is_cancel_requested = transitions.report_progress(self.claim, facts)
        self.raise_if_cancelled()

    def save_checkpoint(self, checkpoint: Any) -> None:
        """The next attempt finds `checkpoint` (JSON). Inside `effects()` both commit together."""
        transitions.save_checkpoint(self.claim, checkpoint)

    @contextmanager
    def effects(self) -> Iterator[None]:
        """A transaction that commits only while this run owns the task; a worker that stands still
        in it loses it.
        """
        with transaction.atomic():
            patience = f"{int(settings.JOBS_TRANSACTION_TIMEOUT_SECONDS * 1000)}ms"
            execute(
                "SELECT set_config('idle_in_transaction_session_timeout', %s, true)", (patience,)
            )
            transitions.assert_owned(self.claim)
            yield
        failpoint("after_effects", self.claim.id)

    def raise_if_cancelled(self) -> None:
        """Stop here if the task was asked to, as of the last `progress()`."""
        if self._is_cancel_requested:
            raise TaskCancelled


#: The tasks that this process runs, without bulk work.
_foreground: set[UUID] = set()


def is_foreground_busy() -> bool:
    """Return whether this process runs anything but bulk work."""
    return bool(_foreground)


_current: ContextVar[RunningTask | None] = ContextVar("civiclens_running_task", default=None)


def current_task() -> RunningTask:
    """The task this code runs for.

    Raises:
        NoCurrentTask: no worker called this code.
    """
    task = _current.get()
    if task is None:
        raise NoCurrentTask
    return task


def current_claim() -> transitions.Claim | None:
    """The claim of the task that runs here, if one does."""
    task = _current.get()
    return task.claim if task else None


@contextmanager
def running(claim: transitions.Claim) -> Iterator[RunningTask]:
    """Make `claim` the current task of this thread."""
    task = RunningTask(claim)
    mark = _current.set(task)
    if claim.urgency != Urgency.BULK:
        _foreground.add(claim.id)
    try:
        yield task
    finally:
        _foreground.discard(claim.id)
        _current.reset(mark)


_delivery: ContextVar[MessageProxy | None] = ContextVar("civiclens_delivery", default=None)


def deliver(message: MessageProxy | None) -> None:
    """Remember the message a worker thread is about to process."""
    _delivery.set(message)


def take_delivery(actor_name: str) -> MessageProxy | None:
    """The message meant for `actor_name`, once: an actor that calls another one must not lend it
    its task.
    """
    message = _delivery.get()
    if message is None or message.actor_name != actor_name:
        return None
    _delivery.set(None)
    return message
