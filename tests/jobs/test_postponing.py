"""Work that cannot be done now waits without losing an attempt; rows show how their tasks ended."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import transaction

import jobs
from jobs.execution import mirrors
from jobs.ledger import interventions, transitions
from jobs.models import Attempt, Task
from jobs.operations import actions
from jobs.states import Standing, State
from jobs.testing import advance, run_tasks
from matching.actors import run_matches
from matching.models import MatchRun
from matching.runs import starting
from reports.actors import classify_report
from tests.accounts.factories import make_user
from tests.jobs.probe.actors import probe_hopeless, probe_transactional
from tests.jobs.probe.models import Effect
from tests.reports.factories import make_department, make_report

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def send(key: str = "a") -> UUID:
    with transaction.atomic():
        return UUID(probe_transactional.send(key).message_id)


def put_off(monkeypatch: pytest.MonkeyPatch, task_id: UUID) -> Task:
    """Run a task that says that it cannot be done now."""

    def body(key: str) -> None:
        Effect.objects.create(key=key, worker_pid=1)
        raise jobs.Postponed("not now", delay=MINUTE)

    with monkeypatch.context() as patch:
        patch.setattr(probe_transactional, "fn", body)
        run_tasks()
    return Task.objects.get(pk=task_id)


def test_a_postponed_task_keeps_its_attempts_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task_id = send()
    for _ in range(20):  # more often than it has attempts
        task = put_off(monkeypatch, task_id)
        assert (task.state, task.attempt) == (State.RETRYING, 0)
        advance(MINUTE)
    assert not Effect.objects.exists()
    assert not Attempt.objects.exists()
    run_tasks()
    assert Task.objects.get(pk=task_id).state == State.SUCCEEDED


def test_a_task_that_was_asked_to_stop_meanwhile_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task_id = send()
    Task.objects.filter(pk=task_id).update(cancel_requested_at="2026-01-01T00:00:00Z")
    assert put_off(monkeypatch, task_id).state == State.CANCELLED


def test_a_lost_claim_is_not_put_off() -> None:
    task_id = send()
    claim = transitions.claim(task_id, task_id, task_id)
    assert claim is not None
    Task.objects.update(claim_token=UUID(int=7))
    assert transitions.put_off(claim, MINUTE) is None
    assert Task.objects.get().state == State.RUNNING


def test_only_ends_without_success_and_replays_are_mirrored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[Standing] = []
    monkeypatch.setattr(probe_hopeless, "mirror_fn", lambda standing, _key: shown.append(standing))
    with transaction.atomic():
        task_id = UUID(probe_hopeless.send("mind").message_id)
    run_tasks(raise_errors=False)
    [dead] = shown
    assert (dead.state, dead.has_ended, dead.is_expired) == (State.DEAD, True, False)
    assert dead.error.startswith("PermanentError")
    actions.replay([task_id], by=None)
    mirrors.show(str(task_id))
    assert shown[-1].state == State.QUEUED
    assert not shown[-1].has_ended


def test_a_task_of_an_actor_without_a_mirror_sends_none() -> None:
    with transaction.atomic():
        probe_hopeless.send("mind")
    run_tasks(raise_errors=False)
    assert not Task.objects.filter(actor="mirror_state").exists()


@pytest.mark.parametrize("end", ["dead", "cancelled"])
def test_a_report_that_nothing_classifies_any_more_reaches_the_desk(end: str) -> None:
    triage = make_department("triage", is_triage=True)
    report = make_report(status="new", department=None, category=None)
    with transaction.atomic():
        task_id = classify_report.send(str(report.pk)).message_id
        if end == "cancelled":
            interventions.cancel(UUID(task_id))
        else:
            Task.objects.filter(pk=task_id).update(state="dead")
    run_tasks()
    report.refresh_from_db()
    assert (report.department, report.status) == (triage, "new")


@pytest.mark.parametrize(("end", "status"), [("dead", "failed"), ("cancelled", "cancelled")])
def test_a_run_says_how_it_ended_when_its_task_is_pruned(end: str, status: str) -> None:
    run = starting.start(make_user(), starting.RunRequest())
    Task.objects.filter(actor=run_matches.actor_name).update(state=end)
    run_tasks()
    Task.objects.all().delete()
    run = MatchRun.objects.get(pk=run.pk)
    assert starting.status_of(run, starting.task_of(run)) == status
