"""Announce a step after a grace, within which undoing it takes the announcement back."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from jobs.ledger import interventions
from jobs.models import Task
from jobs.states import State
from reports.models import Report, StatusChange
from reports.workflow import messages
from reports.workflow.actors import announce_step


def announce(report: Report, change: StatusChange) -> None:
    """Send the messages about a step, or the task that sends them after the grace."""
    grace = timedelta(seconds=settings.STEP_MESSAGE_GRACE_SECONDS)
    if not messages.tells(change) and not messages.is_publication(change):
        return
    if grace:
        announce_step.send_with_options(args=(change.pk,), delay=grace, unique_key=_key(change))
    else:
        messages.send(report, change)


def is_pending(change: StatusChange) -> bool:
    """Return whether the announcement of a step still waits."""
    return _waiting(change) is not None


def take_back(report: Report, change: StatusChange) -> bool:
    """Cancel the announcement of a step; return whether nobody has been or will be told.

    A worker that takes the task at this moment waits for this transaction, or has won.
    """
    task = _waiting(change)
    if task is not None:
        return interventions.cancel(task.pk) == State.CANCELLED
    return not messages.is_heard(report, change)


def _waiting(change: StatusChange) -> Task | None:
    tasks = Task.objects.filter(unique_key=_key(change), state=State.QUEUED)
    return tasks.only("pk").first()


def _key(change: StatusChange) -> str:
    return f"report-step:{change.pk}"
