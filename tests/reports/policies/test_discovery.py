"""Strategy discovery: the search for a better policy, as a job."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from jobs import failpoints
from jobs.failpoints import Plan
from jobs.ledger.database import fetch
from jobs.models import JobResult, Task
from jobs.operations import actions
from jobs.states import State
from jobs.testing import run_tasks
from jobs.worker import heartbeat
from reports.models import DepartmentMembership, PolicyStudy, PolicyTrial, Report, Severity
from reports.policies import optimizer, searching, trials
from reports.policies.rules import Rules
from tests.jobs.conftest import QUICK, Workers, wait_until
from tests.reports.conftest import SignIn
from tests.reports.factories import make_clerk, make_department, make_staff, make_user
from tests.reports.policies.cities import BEGIN, END, plant

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PAYLOAD = {
    "since": BEGIN.isoformat(),
    "until": END.isoformat(),
    "trials": 8,
    "draws": 1,
    "busy": 0.95,
}


@pytest.fixture
def chief(as_user: SignIn) -> APIClient:
    """The client of a superuser."""
    return as_user(make_user(is_staff=True, is_superuser=True))


def make_manager(slug: str = "streets") -> User:
    manager = make_staff()
    department = make_department(slug)
    DepartmentMembership.objects.create(user=manager, department=department, is_manager=True)
    return manager


def asked(client: APIClient, **payload: Any) -> Any:
    body = {"job_type": "discovery", "payload": PAYLOAD | payload}
    return client.post("/api/v1/jobs/", body, "json")


def started(client: APIClient, **payload: Any) -> Task:
    response = asked(client, **payload)
    assert response.status_code == 202, response.json()
    return Task.objects.get(pk=response.json()["id"])


def searched(client: APIClient, **payload: Any) -> JobResult:
    task = started(client, **payload)
    run_tasks()
    task.refresh_from_db()
    assert task.state == State.SUCCEEDED
    return JobResult.objects.get(pk=task.pk)


def outcomes(kept: JobResult) -> list[tuple[Any, ...]]:
    """Return what was tried and what it cost, by number."""
    rows = PolicyTrial.objects.filter(study=kept.pk).order_by("number")
    return list(rows.values_list("number", "rules", "cost", "figures"))


def published(kept: JobResult) -> list[float]:
    """Return the costs in optuna's study of a search, by the numbers of its trials."""
    rows = fetch(
        """
        SELECT value.value FROM optuna.studies AS study
        JOIN optuna.trials AS trial USING (study_id)
        JOIN optuna.trial_values AS value USING (trial_id)
        WHERE study.study_name = %s AND trial.state = 'COMPLETE' ORDER BY trial.number
        """,
        (f"policies {kept.pk}",),
    )
    return [value for (value,) in rows]


@pytest.mark.pooled
def test_the_better_policy_of_a_planted_history_is_found_and_kept(chief: APIClient) -> None:
    plant()
    kept = searched(chief)
    result, rules = kept.result, Rules.from_json(kept.result["best"]["rules"])
    assert rules.severity_hours > 0 or rules.urgent_from, rules
    in_force, by_arrival, by_deadline = result["compared"]
    assert result["is_better"]
    assert in_force["policy"] == "in_force"
    assert in_force["figures"] == by_arrival["figures"], "without a policy, arrival decides"
    assert result["best"]["hold_out"]["hours"] < 0.8 * by_arrival["figures"]["hours"]
    assert by_deadline["figures"] == by_arrival["figures"], "all are due after a day"
    assert in_force["difference"]["low"] <= in_force["difference"]["mean"] < 0
    assert (result["reports"], result["reports_held_out"]) == (112, 38)
    assert (kept.is_partial, kept.seed, kept.inputs["trials"]) == (False, 1, 8)
    assert [number for number, *_ in outcomes(kept)] == list(range(8))
    assert published(kept) == [cost for _, _, cost, _ in outcomes(kept)]
    assert PolicyStudy.objects.get().history is None, "nobody needs it any more"
    exported = chief.get(f"/api/v1/job-results/{kept.pk}/export/", {"form": "csv"})
    lines = list(csv.DictReader(io.StringIO(exported.content.decode())))
    assert [line["trial"] for line in lines] == [str(number) for number in range(8)]
    assert lines[0]["severity_hours"] == "0.0"


def test_the_same_seed_finds_the_same_and_the_hold_out_period_is_not_seen(
    chief: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PORTION_SECONDS", 0)  # a transaction for each that is published
    plant()
    first, again = searched(chief, trials=5), searched(chief, trials=5)
    assert first.digest == again.digest
    assert published(first) == [cost for _, _, cost, _ in outcomes(first)]
    other = searched(chief, trials=5, seed=2)
    assert outcomes(other) != outcomes(first)
    held_out = Report.objects.filter(created_at__gte=first.result["held_out_from"])
    assert held_out.update(severity=Severity.MEDIUM) == 38
    blind = searched(chief, trials=5)
    assert outcomes(blind) == outcomes(first)
    assert blind.result["best"]["hold_out"] != first.result["best"]["hold_out"]


def test_a_cancelled_search_keeps_the_best_so_far(
    chief: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant()
    task = started(chief)
    replayed: list[UUID] = []

    def cancel_at_the_sixth(_point: str, task_id: UUID) -> None:
        replayed.append(task_id)
        if len(replayed) == 6:
            actions.cancel([task.pk], by=None)

    monkeypatch.setattr(trials, "failpoint", cancel_at_the_sixth)
    run_tasks(raise_errors=False)
    task.refresh_from_db()
    assert task.state == State.CANCELLED
    kept = JobResult.objects.get(pk=task.pk)
    tried = [(cost, number) for number, _, cost, _ in outcomes(kept) if cost is not None]
    assert kept.is_partial
    assert kept.result["trials"] == len(tried) == 6
    assert kept.result["best"]["trial"] == min(tried)[1]
    assert kept.result["best"]["hold_out"] is None
    assert len(published(kept)) == 6
    assert len(replayed) == 6, "no task replays a trial of a search that was cancelled"


def test_a_search_that_broke_off_goes_on_and_no_trial_counts_twice(
    chief: APIClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plant()
    whole = searched(chief)
    task = started(chief)
    breaking = "trial.replayed=raise@2,after_effects=raise@7,trial.replayed=raise@7"
    monkeypatch.setattr(failpoints, "_active", Plan(breaking, seed="", log=tmp_path / "hits"))
    for _ in range(4):
        run_tasks(until_delay=False, raise_errors=False)
        heartbeat.rescue()
    assert len((tmp_path / "hits").read_text().splitlines()) == 3
    kept = JobResult.objects.get(pk=task.pk)
    assert kept.digest == whole.digest
    assert outcomes(kept) == outcomes(whole)
    assert published(kept) == published(whole)
    begun = PolicyTrial.objects.filter(study=task.pk).values_list("begun", flat=True)
    assert sum(begun) > len(begun), "what broke off was begun again"


@pytest.mark.django_db(transaction=True)
@pytest.mark.campaign
def test_killed_workers_lose_no_trial_and_double_none(
    chief: APIClient, process_environment: dict[str, str], tmp_path: Path
) -> None:
    plant()
    whole = searched(chief)
    environment = (
        process_environment
        | QUICK
        | {
            "DJANGO_SETTINGS_MODULE": "tests.reports.fault_settings",
            "DEBUG": "on",
            "JOBS_TRANSPORT": "embedded",
            "RABBITMQ_URL": "",
            "JOBS_FAILPOINTS": "trial.replayed=kill@6",
            "JOBS_FAILPOINTS_LOG": str(tmp_path / "hits"),
            "DATA_DIR": str(tmp_path),
        }
    )
    workers = Workers(environment, tmp_path)
    task = started(chief)
    try:
        workers.start(threads=2, queues=("analytics",))
        wait_until((tmp_path / "hits").exists, "the worker to be killed")
        workers.kill(workers.processes[0])
        workers.environment["JOBS_FAILPOINTS"] = ""
        workers.start(threads=2, queues=("analytics",))
        wait_until(lambda: Task.objects.get(pk=task.pk).is_terminal, "the search to end")
    finally:
        workers.stop_all()
    kept = JobResult.objects.get(pk=task.pk)
    assert outcomes(kept) == outcomes(whole)
    assert kept.digest == whole.digest
    assert published(kept) == published(whole), "written by the application's own role"
    begun = PolicyTrial.objects.filter(study=task.pk).values_list("begun", flat=True)
    assert sum(begun) > len(begun)


def test_a_trial_that_another_task_replays_is_left_to_it(chief: APIClient) -> None:
    plant()
    kept = searched(chief)
    trial = PolicyTrial.objects.get(study=kept.pk, number=0)
    PolicyTrial.objects.filter(pk=trial.pk).update(cost=None, taken_by=kept.pk)
    parameters = {"study": kept.pk, "task": UUID(int=1), "number": None}
    Task.objects.filter(pk=kept.pk).update(state=State.RUNNING)
    assert fetch(trials._TAKE, parameters) == []
    Task.objects.filter(pk=kept.pk).update(state=State.RETRYING)
    assert fetch(trials._TAKE, parameters) == [(0, trial.rules)]


def problem_of(client: APIClient, task: Task) -> str:
    run_tasks(raise_errors=False)
    job = client.get(f"/api/v1/jobs/{task.pk}/").json()
    assert job["state"] == "dead"
    return str(task.attempts.get().error)


def test_without_optuna_the_job_says_what_to_install(
    chief: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizer, "find_spec", lambda _name: None)
    assert "pip install -r requirements-policies.txt" in problem_of(chief, started(chief))


def test_too_short_a_history_is_refused_with_its_number_of_reports(chief: APIClient) -> None:
    assert "The period has 0 reports" in problem_of(chief, started(chief))


def test_managers_search_for_their_departments_and_read_what_others_found_there(
    as_user: SignIn, chief: APIClient
) -> None:
    plant(make_department("streets"))
    manager = make_manager("streets")
    assert asked(as_user(make_clerk())).status_code == 403
    assert asked(as_user(make_user())).status_code == 403
    assert asked(as_user(manager)).json()["errors"]
    assert asked(as_user(manager), department="parks").status_code == 400
    kept = searched(as_user(manager), department="streets", trials=4)
    assert kept.inputs["department"] == "streets"
    url = f"/api/v1/job-results/{searched(chief, department='streets', trials=4).pk}/"
    assert as_user(manager).get(url).status_code == 200
    assert as_user(make_manager("parks")).get(url).status_code == 404
    assert as_user(make_clerk()).get(url).status_code == 404


@pytest.mark.parametrize(
    "payload",
    [
        {"trials": 3},
        {"trials": 501},
        {"seed": -1},
        {"objective": "profit"},
        {"busy": 0},
        {"crews": {"nowhere": 3}},
        {"crews": {"streets": 0}},
        {"hold_out_share": 0.9},
        {"since": END.isoformat(), "until": BEGIN.isoformat()},
        {"department": "nowhere"},
        {"colour": "red"},
    ],
)
def test_a_payload_that_makes_no_sense_is_refused(chief: APIClient, payload: Any) -> None:
    make_department()
    response = asked(chief, **payload)
    assert response.status_code == 400, response.json()


def test_the_migration_makes_the_tables_that_optuna_expects() -> None:
    from optuna.storages._rdb import models

    expected = {
        (table.name, column.name)
        for table in models.BaseModel.metadata.sorted_tables
        for column in table.columns
    }
    rows = fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'optuna' AND table_name <> 'alembic_version'",
        (),
    )
    assert set(rows) == expected
    assert fetch("SELECT schema_version FROM optuna.version_info", ()) == [(models.SCHEMA_VERSION,)]
