"""How often citizens and partners may ask."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from jobs.models import Task
from jobs.testing import run_tasks
from matching.models import MatchRun
from tests.accounts.factories import make_user
from tests.matching.conftest import AsPartner, SignIn
from tests.matching.factories import REPAIRS, make_opportunity, make_profile

pytestmark = pytest.mark.django_db
RUNS = (
    "/api/v1/jobs/match/",
    "/api/v1/jobs/match/legacy/",
    "/api/v1/matches/calculate/",
    "/api/v1/onboarding/confirm/",
)


@pytest.mark.parametrize("last", RUNS)
def test_a_citizen_starts_so_many_runs_an_hour_by_whichever_address(
    as_user: SignIn, settings: Any, last: str
) -> None:
    settings.MATCHING_RUNS_PER_HOUR = len(RUNS)
    client = as_user(make_user())
    for url in RUNS:
        assert client.post(url, {}).status_code == 202
        run_tasks()
    refused = client.post(last, {})
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 3600
    assert as_user(make_user()).post(last, {}).status_code == 202


@pytest.mark.parametrize("url", RUNS)
def test_what_starts_no_run_is_not_counted(as_user: SignIn, settings: Any, url: str) -> None:
    settings.MATCHING_RUNS_PER_HOUR = 1
    client, key = as_user(make_user()), {"Idempotency-Key": str(uuid4())}
    assert client.post(url, {"keywords": 1, "headline": []}).status_code == 400
    assert [client.post(url, {}, headers=key).status_code for _ in range(3)] == [202] * 3
    run_tasks()
    assert client.post(url, {}, headers={"Idempotency-Key": str(uuid4())}).status_code == 429
    assert MatchRun.objects.count() == 1


def test_joining_a_run_that_waits_is_not_counted(as_user: SignIn, settings: Any) -> None:
    settings.MATCHING_RUNS_PER_HOUR = 1
    client = as_user(make_user())
    assert [client.post(RUNS[2], {}).status_code for _ in range(3)] == [202] * 3


def test_what_changes_no_profile_is_not_counted(as_user: SignIn, settings: Any) -> None:
    settings.MATCHING_PROFILE_EDITS_PER_HOUR = 1
    client, url = as_user(make_user()), "/api/v1/profiles/me/"
    assert client.put(url, {"headline": ["x"]}).status_code == 400
    assert [client.put(url, {"headline": "Baker"}).status_code for _ in range(3)] == [200] * 3
    refused = client.put(url, {"headline": "Cook"})
    assert refused.status_code == 429
    assert client.get(url).json()["headline"] == "Baker"


def test_interactions_without_effect_are_not_counted(as_user: SignIn, settings: Any) -> None:
    settings.MATCHING_INTERACTIONS_PER_HOUR = 1
    client, full = as_user(make_user()), make_opportunity(capacity=0)
    url = f"/api/v1/opportunities/{make_opportunity().pk}/"
    assert client.post(f"/api/v1/opportunities/{full.pk}/apply/").status_code == 409
    assert client.post(f"/api/v1/opportunities/{uuid4()}/save/").status_code == 404
    assert client.delete(f"{url}save/").status_code == 204
    assert [client.post(f"{url}save/").status_code for _ in range(3)] == [201, 200, 200]
    assert client.delete(f"{url}save/").status_code == 429
    assert client.post(f"{url}save/").status_code == 200


def test_reading_the_status_is_not_counted(as_user: SignIn, settings: Any) -> None:
    settings.MATCHING_RUNS_PER_HOUR = 1
    client = as_user(make_user())
    url = f"{RUNS[0]}status/{client.post(RUNS[0], {}).json()['task_id']}/"
    assert [client.get(url).status_code for _ in range(3)] == [200] * 3


def test_a_profile_changes_so_many_times_an_hour(as_user: SignIn, settings: Any) -> None:
    settings.MATCHING_PROFILE_EDITS_PER_HOUR = 2
    client = as_user(make_user())
    answers = [
        client.put("/api/v1/profiles/me/", {"headline": f"Take {number}"}) for number in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Retry-After" in answers[-1]
    assert client.get("/api/v1/profiles/me/").status_code == 200


def test_a_citizen_acts_on_so_many_opportunities_an_hour(as_user: SignIn, settings: Any) -> None:
    settings.MATCHING_INTERACTIONS_PER_HOUR = 4
    client, url = as_user(make_user()), f"/api/v1/opportunities/{make_opportunity().pk}/"
    answers = [
        getattr(client, method)(f"{url}{kind}/")
        for method in ("post", "delete")
        for kind in ("apply", "save")
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 204, 204]
    refused = client.post(f"{url}dismiss/")
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 3600
    assert client.get(url).status_code == 200


def test_a_partner_asks_so_many_times_an_hour_with_all_its_keys(
    as_partner: AsPartner, settings: Any
) -> None:
    settings.MATCHING_PARTNER_REQUESTS_PER_HOUR = 2
    url = "/api/v1/partner/opportunities/"
    assert as_partner().get(url).status_code == 200
    assert as_partner().post(url, {"kind": "event", "title": "Open day"}).status_code == 201
    refused = as_partner().get(url)
    assert refused.status_code == 429
    assert "Retry-After" in refused
    assert as_partner("Other").get(url).status_code == 200


def test_fifty_citizens_and_a_few_dozen_runs_of_one_are_let_in(as_user: SignIn) -> None:
    assert {as_user(make_user()).post(RUNS[0], {}).status_code for _ in range(50)} == {202}
    client = as_user(make_user())
    assert {client.post(RUNS[0], {}).status_code for _ in range(48)} == {202}


def test_who_asks_for_saved_matches_again_gets_the_run_that_waits(as_user: SignIn) -> None:
    profile = make_profile()
    make_opportunity(**REPAIRS)
    run_tasks()
    client = as_user(profile.user)
    first, second = (client.post("/api/v1/matches/calculate/", {}) for _ in range(2))
    assert first.json() == second.json()
    assert Task.objects.filter(actor="run_matches").count() == MatchRun.objects.count() == 1
    assert (
        as_user(make_user()).post("/api/v1/matches/calculate/", {}).json()["task_id"]
        != first.json()["task_id"]
    )
    run_tasks()
    assert client.get(f"{RUNS[0]}status/{first.json()['task_id']}/").json()["status"] == "completed"
    assert (
        client.post("/api/v1/matches/calculate/", {}).json()["task_id"] != first.json()["task_id"]
    )
