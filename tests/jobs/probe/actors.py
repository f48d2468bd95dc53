"""One actor of each kind, slow where a test wants to interrupt it, and some that misbehave."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta

import jobs
from tests.jobs.probe.models import Call, Effect

SOON = timedelta(milliseconds=200)


def dawdle(seconds: float) -> None:
    """Take `seconds` at the first attempt, for a test to interrupt it; none at the later ones."""
    if seconds and jobs.current_task().attempt == 1:
        time.sleep(seconds)


def leave_effect(key: str) -> None:
    """Record one effect in the current transaction."""
    Effect.objects.create(key=key, worker_pid=os.getpid())


@jobs.actor(min_backoff=SOON, max_backoff=SOON)
def probe_transactional(key: str, seconds: float = 0) -> None:
    """Leave an effect, then take `seconds` before the end commits with it."""
    leave_effect(key)
    dawdle(seconds)


@jobs.actor(min_backoff=SOON, max_backoff=SOON)
def probe_parent(key: str, children: int) -> None:
    """Send `children` tasks with the effect."""
    leave_effect(key)
    for number in range(children):
        probe_transactional.send(f"{key}/{number}")


@jobs.actor(kind="external", min_backoff=SOON, max_backoff=SOON)
def probe_external(key: str, seconds: float = 0) -> str:
    """Call somebody, then take `seconds` to hear the answer."""
    Call.objects.create(key=key, task_id=jobs.current_task().id)
    dawdle(seconds)
    return "answer"


@jobs.actor(kind="external", is_waiting=True, min_backoff=SOON, max_backoff=SOON)
def probe_waiting(key: str, seconds: float = 0) -> None:
    """Wait for somebody who takes `seconds` to answer."""
    Call.objects.create(key=key, task_id=jobs.current_task().id)
    dawdle(seconds)


@probe_external.record
def record_probe_external(outcome: str, key: str, seconds: float = 0) -> None:
    """The answer is an effect."""
    leave_effect(f"{key}:{outcome}")


@jobs.actor(kind="external", delivery="at_most_once", queue_name="critical")
def probe_once(key: str, seconds: float = 0) -> None:
    """Call somebody who must not be called twice."""
    Call.objects.create(key=key, task_id=jobs.current_task().id)
    dawdle(seconds)


@jobs.actor(kind="long", queue_name="matching", min_backoff=SOON, max_backoff=SOON)
def probe_long(key: str, steps: int, seconds: float = 0) -> dict[str, int]:
    """Take `steps`, each an effect with its checkpoint."""
    task = jobs.current_task()
    for step in range(task.checkpoint or 0, steps):
        with task.effects():
            leave_effect(f"{key}/{step}")
            task.save_checkpoint(step + 1)
        task.progress((step + 1) / steps, "stepping", done=step + 1, total=steps)
        dawdle(seconds)
    return {"steps": steps}


@jobs.actor(max_attempts=2, min_backoff=SOON, max_backoff=SOON)
def probe_poison(key: str) -> None:
    """Kill the worker that runs it."""
    os.kill(os.getpid(), signal.SIGKILL)


@jobs.actor(max_attempts=2, min_backoff=SOON, max_backoff=SOON)
def probe_failing(key: str) -> None:
    """Leave an effect that is rolled back, then fail."""
    leave_effect(key)
    raise ValueError(f"no {key} today")


@jobs.actor(min_backoff=SOON, max_backoff=SOON)
def probe_failing_once(key: str) -> None:
    """Fail at the first attempt."""
    if jobs.current_task().attempt == 1:
        raise ValueError(f"no {key} yet")
    leave_effect(key)


@jobs.actor()
def probe_hopeless(key: str) -> None:
    """Fail for good."""
    raise jobs.PermanentError(f"never {key}")


@jobs.actor()
def probe_answering(text: str) -> str:
    """Return the text whose escapes `text` spells."""
    return text.encode().decode("unicode_escape")


@jobs.actor(kind="long")
def probe_progressing(text: str) -> None:
    """Report the text whose escapes `text` spells as a stage."""
    jobs.current_task().progress(0.5, text.encode().decode("unicode_escape"))


@jobs.actor(kind="long")
def probe_checkpointing(text: str) -> None:
    """Keep the text whose escapes `text` spells as a checkpoint."""
    jobs.current_task().save_checkpoint(text.encode().decode("unicode_escape"))


@jobs.actor(max_attempts=1)
def probe_failing_with(text: str) -> None:
    """Fail with the text whose escapes `text` spells."""
    raise ValueError(text.encode().decode("unicode_escape"))


@jobs.actor(is_sealed=True)
def probe_sealed(word: str, *, cave: int) -> None:
    """Leave the secret as an effect."""
    leave_effect(f"{word} {cave}")


@jobs.actor()
def probe_sum_up(key: str) -> None:
    """Leave an effect once a group has ended."""
    leave_effect(key)
