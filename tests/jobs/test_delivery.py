"""What every transport promises, with real workers: each task runs, once, whatever is killed."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from jobs.models import Attempt, Queue, Task, Worker
from jobs.states import State
from tests.jobs.conftest import Workers, wait_until, wait_until_drained
from tests.jobs.probe.actors import (
    probe_external,
    probe_failing,
    probe_hopeless,
    probe_long,
    probe_once,
    probe_parent,
    probe_poison,
    probe_transactional,
)
from tests.jobs.probe.models import Call, Effect

pytestmark = pytest.mark.slow


def effects() -> Counter[str]:
    return Counter(Effect.objects.values_list("key", flat=True))


def test_every_task_runs_exactly_once(workers: Workers) -> None:
    with transaction.atomic():
        probe_transactional.send_many([(f"many {number}",) for number in range(300)])
        probe_parent.send("parent", 5)
        probe_external.send("external")
        probe_long.send("long", 3)
    workers.start(processes=2)
    wait_until_drained()
    expected = [f"many {number}" for number in range(300)] + [
        "parent",
        *(f"parent/{n}" for n in range(5)),
    ]
    expected += ["external:answer", "long/0", "long/1", "long/2"]
    assert effects() == Counter(expected)
    assert set(Task.objects.values_list("state", flat=True)) == {State.SUCCEEDED}
    assert Task.objects.get(actor="probe_long").result == {"steps": 3}


def running_worker_pid(actor: str) -> int:
    """Wait until a task of `actor` runs; return the process id of its worker."""
    wait_until(
        lambda: Task.objects.filter(actor=actor, state=State.RUNNING).exists(), f"{actor} to run"
    )
    task = Task.objects.get(actor=actor, state=State.RUNNING)
    assert task.worker_id is not None
    return Worker.objects.get(id=task.worker_id).pid


def test_a_killed_worker_leaves_tasks_that_keep_what_their_kinds_promise(workers: Workers) -> None:
    """A transactional one starts anew, an external one calls again, one that may run at most once
    is given up, and a long one goes on from its checkpoint.
    """
    first = workers.start(threads=8)
    with transaction.atomic():
        transactional = probe_transactional.send("slow", 60)
        external = probe_external.send("abroad", 60)
        once = probe_once.send("only", 60)
        probe_long.send("walk", 10, 1)
    wait_until(lambda: Task.objects.filter(state=State.RUNNING).count() == 4, "all to run")
    wait_until(lambda: Call.objects.count() == 2, "the calls")
    wait_until(lambda: Effect.objects.count() >= 2, "two steps")
    workers.kill(first)
    assert "slow" not in effects()
    workers.start()
    wait_until_drained()
    steps = {f"walk/{step}": 1 for step in range(10)}
    assert effects() == {"slow": 1, "abroad:answer": 1} | steps
    begun_anew = Task.objects.get(pk=transactional.message_id)
    assert (begun_anew.state, begun_anew.attempt) == (State.SUCCEEDED, 2)
    assert Attempt.objects.get(task=begun_anew).error_type == "WorkerLost"
    calls = Counter(str(task) for task in Call.objects.values_list("task_id", flat=True))
    assert calls == {external.message_id: 2, once.message_id: 1}, "called again under the same id"
    assert Task.objects.get(pk=once.message_id).state == State.DEAD


def test_a_worker_that_stood_still_cannot_finish_a_task_it_lost(workers: Workers) -> None:
    workers.start()
    with transaction.atomic():
        probe_long.send("frozen", 4, 0.5)
    pid = running_worker_pid("probe_long")
    os.kill(pid, signal.SIGSTOP)
    try:
        workers.start()
        wait_until(Attempt.objects.exists, "the rescue")
        wait_until_drained()
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: "jobs.lease_lost" in workers.log(), "the thawed worker to notice")
    assert effects() == {f"frozen/{step}": 1 for step in range(4)}
    assert Task.objects.get().state == State.SUCCEEDED


def has_died_or_ended(process: subprocess.Popen[bytes], task_id: str) -> bool:
    return process.poll() is not None or Task.objects.get(pk=task_id).is_terminal


def test_a_poisonous_task_is_dead_and_its_neighbours_finish(workers: Workers) -> None:
    with transaction.atomic():
        poison = probe_poison.send("arsenic")
        probe_transactional.send_many([(f"neighbour {number}",) for number in range(20)])
    for _ in range(3):  # as a supervisor would
        process = workers.start(threads=2)
        wait_until(
            functools.partial(has_died_or_ended, process, poison.message_id),
            "the worker to die or the poison to be given up",
        )
        workers.kill(process)
    workers.start()
    wait_until_drained()
    task = Task.objects.get(pk=poison.message_id)
    assert (task.state, task.attempt) == (State.DEAD, 2)
    assert effects() == {f"neighbour {number}": 1 for number in range(20)}


@pytest.mark.parametrize("point", ["in_bundle", "after_bundle"])
def test_a_worker_killed_in_the_middle_of_a_bundle_loses_and_doubles_nothing(
    workers: Workers, tmp_path: Path, point: str
) -> None:
    log = tmp_path / "hits.jsonl"
    with transaction.atomic():
        probe_transactional.send_many([(f"short {number}",) for number in range(1000)])
    workers.environment |= {"JOBS_FAILPOINTS": f"{point}=kill@20", "JOBS_FAILPOINTS_LOG": str(log)}
    first = workers.start(threads=2)
    wait_until(lambda: first.poll() is not None, "the worker to be killed")
    workers.kill(first)
    assert point in log.read_text()
    del workers.environment["JOBS_FAILPOINTS"]
    workers.start(threads=2)
    wait_until_drained()
    assert effects() == {f"short {number}": 1 for number in range(1000)}
    assert set(Task.objects.values_list("state", flat=True)) == {State.SUCCEEDED}


def test_a_worker_waits_for_a_paused_queue_retries_and_waits_until_tasks_are_due(
    workers: Workers,
) -> None:
    """One worker for all of it: its start is what takes time."""
    a_paused_queue_waits_and_goes_on(workers)
    failures_are_retried_then_dead_with_every_traceback()
    delays_wait_in_the_ledger()


def a_paused_queue_waits_and_goes_on(workers: Workers) -> None:
    Queue.objects.create(name="default", paused_at=timezone.now())
    workers.start()
    with transaction.atomic():
        probe_transactional.send("patient")
        probe_once.send("elsewhere")
    wait_until(Call.objects.exists, "the other queue's task")
    assert not Effect.objects.exists()
    Queue.objects.update(paused_at=None)
    wait_until_drained()
    assert effects() == {"patient": 1}


def failures_are_retried_then_dead_with_every_traceback() -> None:
    before = effects()
    with transaction.atomic():
        failing = probe_failing.send("luck")
        hopeless = probe_hopeless.send("mind")
    wait_until_drained()
    assert effects() == before
    dead = Task.objects.get(pk=failing.message_id)
    assert (dead.state, dead.attempt) == (State.DEAD, 2)
    assert [(a.number, a.error_type, a.error) for a in dead.attempts.all()] == [
        (1, "ValueError", "no luck today"),
        (2, "ValueError", "no luck today"),
    ]
    assert all("in probe_failing" in attempt.traceback for attempt in dead.attempts.all())
    assert Task.objects.get(pk=hopeless.message_id).attempt == 1


def delays_wait_in_the_ledger() -> None:
    with transaction.atomic():
        later = probe_transactional.send_with_options(args=("later",), delay=timedelta(seconds=1.5))
        probe_transactional.send_with_options(args=("next year",), delay=timedelta(days=365))
    wait_until(lambda: Effect.objects.filter(key="later").exists(), "the short delay")
    task = Task.objects.get(pk=later.message_id)
    assert task.state == State.SUCCEEDED
    assert task.started_at is not None
    assert timedelta(0) <= task.started_at - task.run_at < timedelta(seconds=5)
    assert (
        Task.objects.filter(
            state=State.QUEUED, run_at__gt=timezone.now() + timedelta(days=364)
        ).count()
        == 1
    )


def test_a_worker_that_is_told_to_stop_leaves_nothing_behind(workers: Workers) -> None:
    process = workers.start(processes=2)
    with transaction.atomic():
        probe_transactional.send_many([(f"busy {number}", 0.05) for number in range(100)])
    wait_until(lambda: Effect.objects.count() > 5, "some work")
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    assert not Task.objects.filter(state=State.RUNNING).exists()
    assert not Worker.objects.filter(stopped_at=None).exists()
    workers.start()
    wait_until_drained()
    assert effects() == {f"busy {number}": 1 for number in range(100)}
