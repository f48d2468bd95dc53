"""One actor of each kind; each leaves effects that are counted afterwards."""

from __future__ import annotations

import time
from datetime import timedelta

import jobs
from tests.faults.effects import call_provider, leave_effect

SOON = timedelta(milliseconds=200)
SECOND = timedelta(seconds=1)
#: Outages end before so many attempts do, so that a dead task is a finding.
MANY = 40


@jobs.actor(min_backoff=SOON, max_backoff=SECOND, max_attempts=MANY)
def fault_effect(key: str) -> None:
    """Leave an effect."""
    leave_effect(key)


@jobs.actor(min_backoff=SOON, max_backoff=SECOND, max_attempts=MANY)
def fault_parent(key: str, children: int) -> None:
    """Leave an effect and send `children` tasks with it."""
    leave_effect(key)
    time.sleep(0.005)
    for number in range(children):
        fault_effect.send(f"{key}/{number}")


@jobs.actor(
    kind="external",
    queue_name="notifications",
    min_backoff=SOON,
    max_backoff=SECOND,
    max_attempts=MANY,
)
def fault_message(key: str) -> str:
    """Hand a message to the provider."""
    call_provider(key)
    return "sent"


@fault_message.record
def record_fault_message(outcome: str, key: str) -> None:
    leave_effect(f"{key}:{outcome}")


@jobs.actor(kind="external", delivery="at_most_once", queue_name="critical")
def fault_once(key: str) -> None:
    """Hand a message to the provider that must not get it twice."""
    call_provider(key)


@jobs.actor(
    kind="long", queue_name="matching", min_backoff=SOON, max_backoff=SECOND, max_attempts=MANY
)
def fault_long(key: str, steps: int) -> int:
    """Take `steps`, each an effect with its checkpoint."""
    task = jobs.current_task()
    for step in range(task.checkpoint or 0, steps):
        with task.effects():
            leave_effect(f"{key}/{step}")
            task.save_checkpoint(step + 1)
        task.progress((step + 1) / steps, "stepping", done=step + 1, total=steps)
        time.sleep(0.02)
    return steps
