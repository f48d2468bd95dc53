"""Kept results of jobs: what is kept, who reads it, comparing and exporting it."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

import jobs
from accounts.models import User
from jobs.actors import prune_results
from jobs.api import starting
from jobs.errors import NotInTransaction
from jobs.execution import attempts, job_types
from jobs.models import JobResult, Task
from jobs.operations import actions
from jobs.states import State
from jobs.testing import run_tasks
from tests.accounts.factories import bearer, make_user
from tests.jobs.factories import make_result
from tests.jobs.job_types import throw_dice

DICE = job_types.find("tests.dice")
assert DICE is not None

pytestmark = pytest.mark.django_db


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=bearer(user)["authorization"])
    return client


def throw(user: User, seed: int = 7, throws: int = 3) -> Task:
    assert DICE is not None
    job = starting.start(DICE, {"seed": seed, "throws": throws}, by=user.pk)
    run_tasks()
    return job


def read(user: User, path: str, **query: Any) -> Any:
    answer = client_of(user).get(f"/api/v1/job-results/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer


def test_a_result_is_kept_with_its_inputs_and_outlives_its_task() -> None:
    user = make_user()
    job = throw(user)
    assert client_of(user).get(f"/api/v1/jobs/{job.pk}/").json()["kept_result_url"] == (
        f"/api/v1/job-results/{job.pk}/"
    )
    Task.objects.all().delete()
    kept = read(user, f"{job.pk}/").json()
    assert (kept["job_type"], kept["code_version"], kept["seed"]) == ("tests.dice", "3", 7)
    assert kept["inputs"] == {"seed": 7, "throws": 3}
    assert kept["result"]["total"] == sum(row["pips"] for row in kept["result"]["throws"])
    assert not kept["is_partial"]


def test_the_same_seed_gives_the_same_digest_and_another_seed_another() -> None:
    user = make_user()
    first, again, other = throw(user), throw(user), throw(user, seed=9)
    digests = {
        job.pk: JobResult.objects.values_list("digest", flat=True).get(pk=job.pk)
        for job in (first, again, other)
    }
    assert digests[first.pk] == digests[again.pk] != digests[other.pk]
    assert read(user, f"{first.pk}/compare/", with_id=again.pk).json()["is_same"]
    comparison = read(user, f"{first.pk}/compare/", with_id=other.pk).json()
    assert comparison["seeds"] == [7, 9]
    assert [line["name"] for line in comparison["inputs"]] == ["seed"]
    (total,) = [line for line in comparison["figures"] if line["name"] == "total"]
    assert total["difference"] == total["second"] - total["first"]


def test_a_cancelled_job_leaves_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    assert DICE is not None
    job = starting.start(DICE, {"seed": 7, "throws": 9}, by=user.pk)
    progress = jobs.RunningTask.progress

    def cancel_then_progress(task: jobs.RunningTask, fraction: float) -> None:
        actions.cancel([job.pk], by=user.pk)
        progress(task, fraction)

    monkeypatch.setattr(jobs.RunningTask, "progress", cancel_then_progress)
    state, _ = attempts.run(throw_dice, job.pk, uuid4())
    assert state == State.CANCELLED
    assert len(read(user, f"{job.pk}/").json()["result"]["throws"]) == 1
    assert read(user, f"{job.pk}/").json()["is_partial"]


def test_a_scheduled_run_is_kept_too_and_shared_as_its_type_says() -> None:
    with transaction.atomic():
        message = throw_dice.send(seed=1, throws=1)
    run_tasks()
    (listed,) = read(make_user(), "").json()["results"]
    assert listed["id"] == message.message_id
    assert "result" not in listed


def test_others_results_are_hidden() -> None:
    owner, stranger = make_user(), make_user()
    job = throw(owner)
    own = throw(stranger)
    client = client_of(stranger)
    for path in (f"{job.pk}/", f"{job.pk}/export/", f"{own.pk}/compare/?with_id={job.pk}"):
        assert client.get(f"/api/v1/job-results/{path}").status_code == 404
    assert [row["id"] for row in read(stranger, "").json()["results"]] == [str(own.pk)]


def test_who_may_not_start_a_type_any_more_reads_none_of_its_results() -> None:
    user = make_user()
    kept = make_result(job_type="tests.staff_only", created_by=user.pk)
    assert client_of(user).get(f"/api/v1/job-results/{kept.pk}/").status_code == 404


@pytest.mark.parametrize("path", ["jobs", "job-results"])
def test_an_unknown_type_is_refused_in_the_lists_as_at_the_start(path: str) -> None:
    answer = client_of(make_user()).get(f"/api/v1/{path}/", {"job_type": "tests.dise"})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["field"] == "job_type"
    assert "tests.dice" in error["detail"]


def test_results_of_two_types_cannot_be_compared() -> None:
    user = make_user()
    dice = make_result(created_by=user.pk)
    board = make_result(created_by=user.pk, job_type="accounts.leaderboard")
    answer = client_of(user).get(
        f"/api/v1/job-results/{dice.pk}/compare/", {"with_id": str(board.pk)}
    )
    assert answer.status_code == 400
    assert "accounts.leaderboard, not tests.dice" in answer.content.decode()


def test_rows_are_exported_as_csv_json_and_geojson() -> None:
    user = make_user()
    rows: list[dict[str, Any]] = [
        {"name": "=HYPERLINK(1)", "latitude": 41.3, "longitude": -72.9, "words": ["a", "b"]},
        {"name": "line", "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}},
        {"name": "nowhere", "latitude": None, "longitude": None},
    ]
    kept = make_result(created_by=user.pk, result={"total": 0, "throws": rows})
    text = read(user, f"{kept.pk}/export/", form="csv").content.decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in table] == ["'=HYPERLINK(1)", "line", "nowhere"]
    assert json.loads(table[0]["words"]) == ["a", "b"]
    assert read(user, f"{kept.pk}/export/", form="json").json() == rows
    answer = read(user, f"{kept.pk}/export/", form="geojson")
    assert answer["Content-Type"] == "application/geo+json"
    geometries = [feature["geometry"] for feature in answer.json()["features"]]
    assert geometries == [
        {"type": "Point", "coordinates": [-72.9, 41.3]},
        rows[1]["geometry"],
        None,
    ]


def test_an_unknown_form_is_refused_with_the_known_ones() -> None:
    user = make_user()
    kept = make_result(created_by=user.pk)
    answer = client_of(user).get(f"/api/v1/job-results/{kept.pk}/export/", {"form": "xlsx"})
    assert answer.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_keeping_outside_a_transaction_is_refused() -> None:
    with pytest.raises(NotInTransaction, match="keep_result"):
        jobs.keep_result({}, inputs={})


def test_results_past_their_retention_are_pruned() -> None:
    kept = make_result()
    make_result(updated_at=timezone.now() - timedelta(days=731))
    with transaction.atomic():
        prune_results.send()
    run_tasks()
    assert list(JobResult.objects.all()) == [kept]
