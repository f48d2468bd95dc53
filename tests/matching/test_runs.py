"""Match runs through the API: how they start, what they tell and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.http import waiting
from jobs.models import Task
from jobs.testing import run_tasks
from matching.models import MatchRun, Opportunity
from tests.accounts.factories import make_user
from tests.matching.conftest import SignIn
from tests.matching.factories import DOGS, REPAIRS, make_opportunity, make_profile
from tests.matching.runs import URL, run, start, status, titles

pytestmark = pytest.mark.django_db


def test_a_run_answers_202_and_once_completed_holds_the_matches_best_first(as_user: SignIn) -> None:
    profile = make_profile()
    for fields in (DOGS, REPAIRS, {}):
        make_opportunity(**fields)
    run_tasks()
    client = as_user(profile.user)
    answer = client.post(URL, {})
    assert answer.status_code == 202
    assert set(answer.json()) == {"task_id", "status", "created_at"}
    assert answer.json()["status"] == "pending"
    task_id = answer.json()["task_id"]
    waiting = status(client, task_id)
    assert (waiting["status"], waiting["result"], waiting["error"]) == ("pending", None, None)
    run_tasks()
    done = status(client, task_id)
    assert set(done) >= {
        "task_id",
        "status",
        "progress",
        "result",
        "error",
        "created_at",
        "updated_at",
    }
    assert (done["status"], done["progress"]) == ("completed", 1.0)
    assert titles(done)[0] == REPAIRS["title"]
    best = done["result"][0]
    assert best["score"] > done["result"][1]["score"]
    assert "Suits your skill: carpentry" in [reason["text"] for reason in best["reasons"]]


def test_another_citizens_task_is_not_found(as_user: SignIn) -> None:
    task_id = start(as_user(make_user()))
    assert as_user(make_user()).get(f"{URL}status/{task_id}/").status_code == 404
    assert as_user(make_user()).delete(f"{URL}status/{task_id}/").status_code == 404


def test_nobody_runs_without_signing_in() -> None:
    assert APIClient().post(URL, {}).status_code == 401


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("queued", "pending"),
        ("running", "processing"),
        ("retrying", "processing"),
        ("dead", "failed"),
        ("cancelled", "cancelled"),
    ],
)
def test_each_state_has_its_word(as_user: SignIn, state: str, told: str) -> None:
    client = as_user(make_user())
    task_id = start(client)
    Task.objects.filter(pk=task_id).update(state=state)
    body = status(client, task_id)
    assert body["status"] == told
    assert (body["error"] is not None) == (told == "failed")


def test_waiting_is_bounded_and_then_tells_how_far_it_is(as_user: SignIn) -> None:
    answer = as_user(make_user()).post(URL, {"wait": True})
    assert answer.status_code == 200
    assert answer.json()["status"] == "pending"


def test_a_run_can_be_cancelled(as_user: SignIn) -> None:
    client = as_user(make_user())
    task_id = start(client)
    assert client.delete(f"{URL}status/{task_id}/").json()["status"] == "cancelled"
    run_tasks()
    assert status(client, task_id)["status"] == "cancelled"


def test_the_legacy_address_answers_with_its_end_announced(as_user: SignIn) -> None:
    answer = as_user(make_user()).post(f"{URL}legacy/", {})
    assert answer.status_code == 202  # no worker runs here
    assert answer["Deprecation"].startswith("@")
    assert answer["Sunset"].endswith("GMT")
    assert 'rel="successor-version"' in answer["Link"]


@pytest.mark.parametrize(("state", "answered"), [("dead", 500), ("cancelled", 202)])
def test_the_legacy_address_tells_a_failure_from_a_run_that_was_cancelled(
    as_user: SignIn, monkeypatch: pytest.MonkeyPatch, state: str, answered: int
) -> None:
    def end(task_id: Any, _seconds: float) -> None:
        Task.objects.filter(pk=task_id).update(state=state)

    monkeypatch.setattr(waiting, "_wait", end)
    assert as_user(make_user()).post(f"{URL}legacy/", {}).status_code == answered


def test_result_pages_hold_every_match_once(as_user: SignIn) -> None:
    profile = make_profile()
    for _ in range(7):
        make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client)
    run_tasks()
    seen: list[str] = []
    query: str | None = "?page_size=3"
    while query is not None:
        body = status(client, task_id, query)
        seen += [match["opportunity"]["id"] for match in body["result"]]
        query = "?" + body["next"].partition("?")[2] if body["next"] else None
    assert len(seen) == len(set(seen)) == 7


def test_what_closes_is_matched_no_more_even_from_the_cache(as_user: SignIn) -> None:
    profile = make_profile()
    repairs, _ = make_opportunity(**REPAIRS), make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    start(client)
    run_tasks()
    Opportunity.objects.filter(pk=repairs.pk).update(is_active=False)
    assert titles(run(client)) == ["Math tutor"]
    assert [
        match["opportunity"]["title"] for match in client.get("/api/v1/matches/").json()["results"]
    ] == ["Math tutor"]


def test_an_opportunity_deleted_after_the_run_is_left_out(as_user: SignIn) -> None:
    profile = make_profile()
    repairs, _ = make_opportunity(**REPAIRS), make_opportunity()
    run_tasks()
    repairs.delete()
    assert titles(run(as_user(profile.user))) == ["Math tutor"]


def test_the_legacy_address_announces_its_end_with_refusals_too(as_user: SignIn) -> None:
    for client, status_code in ((as_user(make_user()), 400), (APIClient(), 401)):
        answer = client.post(f"{URL}legacy/", {"limit": 0})
        assert answer.status_code == status_code
        assert {"Deprecation", "Sunset", "Link"} <= set(answer.headers)


@pytest.mark.parametrize("url", [URL, f"{URL}legacy/"])
def test_a_repeated_request_starts_one_run(as_user: SignIn, url: str) -> None:
    client = as_user(make_user())
    first, second = (client.post(url, {}, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert first.json()["task_id"] == second.json()["task_id"]
    assert MatchRun.objects.count() == 1


def test_the_next_page_is_as_large_as_this_one(as_user: SignIn) -> None:
    profile = make_profile()
    for _ in range(5):
        make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client)
    run_tasks()
    second = client.get(status(client, task_id, "?page_size=2")["next"]).json()
    assert len(second["result"]) == 2


def test_a_page_of_matches_is_asked_for_in_whole_numbers(as_user: SignIn) -> None:
    client = as_user(make_user())
    task_id = start(client)
    run_tasks()
    for query in (
        "after=-1",
        "after=x",
        "after=",
        "after=1.5",
        "page_size=0",
        "page_size=000",
        "page_size=٣",
        "page_size=201",
        "after=99999999999999999999",
    ):
        assert client.get(f"{URL}status/{task_id}/?{query}").status_code == 400, query
    for query in ("after=0007", "after=1000000", "page_size=0100", "page_size=200"):
        assert status(client, task_id, f"?{query}")["result"] == []
