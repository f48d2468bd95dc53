"""The task that runs in the current thread, as its actor uses it."""

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
    """A running task; its writes succeed only while this run owns the task."""

    def __init__(self, claim: transitions.Claim) -> None:
        self.claim = claim
        self._is_cancel_requested = False

    @property
    def id(self) -> UUID:
        """Return the task's id, which is also the idempotency key to pass to other systems."""
        return self.claim.id

    @property
    def attempt(self) -> int:
        """Return the number of this attempt, from 1."""
        return self.claim.attempt

    @property
    def checkpoint(self) -> Any:
        """Return what an earlier attempt stored with `save_checkpoint`; None where none did."""
        return self.claim.checkpoint

    def progress(self, fraction: float, stage: str = "", **counts: int) -> None:
        """Show how far the task is: the fraction done (0 to 1), the stage's name and any counts.

        Raises:
            LeaseLost: another worker owns the task now.
            TaskCancelled: the task was asked to stop.
        """
        facts = {"fraction": round(min(max(fraction, 0.0), 1.0), 4), "stage": stage, **counts}
        self._is_cancel_requested = transitions.report_progress(self.claim, facts)
        self.raise_if_cancelled()

    def save_checkpoint(self, checkpoint: Any) -> None:
        """Store `checkpoint` (JSON) for the next attempt; inside `effects()` both commit together.

        Raises:
            LeaseLost: another worker owns the task now.
        """
        transitions.save_checkpoint(self.claim, checkpoint)

    @contextmanager
    def effects(self) -> Iterator[None]:
        """Open a transaction that commits only while this run owns the task.

        PostgreSQL ends it if the worker stands still in it for JOBS_TRANSACTION_TIMEOUT_SECONDS.

        Raises:
            LeaseLost: another worker owns the task now.
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
        """Raise TaskCancelled if the task had been asked to stop at the last `progress()`."""
        if self._is_cancel_requested:
            raise TaskCancelled


#: The ids of the tasks that this process runs, without bulk work.
_foreground: set[UUID] = set()


def is_foreground_busy() -> bool:
    """Return whether this process runs anything but bulk work."""
    return bool(_foreground)


_current: ContextVar[RunningTask | None] = ContextVar("civiclens_running_task", default=None)


def current_task() -> RunningTask:
    """Return the task for which this code runs.

    Raises:
        NoCurrentTask: it does not run for any.
    """
    task = _current.get()
    if task is None:
        raise NoCurrentTask
    return task


def current_claim() -> transitions.Claim | None:
    """Return the claim of the task that runs here, or None."""
    task = _current.get()
    return task.claim if task else None


@contextmanager
def running(claim: transitions.Claim) -> Iterator[RunningTask]:
    """Make `claim` the current task of this thread inside the `with` block."""
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
    """Remember the message that this worker thread is about to process; None when it is done."""
    _delivery.set(message)


def take_delivery(actor_name: str) -> MessageProxy | None:
    """Take the message that this worker thread is to process, if it is for `actor_name`.

    Return None where it is for another actor, was taken already, or was never delivered. So an
    actor that is called from the code of another one, or of itself, runs as a plain function.
    """
    message = _delivery.get()
    if message is None or message.actor_name != actor_name:
        return None
    _delivery.set(None)
    return message
