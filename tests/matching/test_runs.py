"""Match runs through the API: how they start, what they find, what they tell and to whom."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from jobs.models import Task
from jobs.testing import run_tasks
from matching.finding import criteria_for
from matching.matchmaking import wish_of
from matching.models import Interaction, Match, MatchRun, Opportunity, Profile, ProfileVector
from tests.accounts.factories import make_user
from tests.matching.conftest import SignIn
from tests.matching.factories import CARPENTER, DOGS, REPAIRS, make_opportunity, make_profile

pytestmark = pytest.mark.django_db
URL = "/api/v1/jobs/match/"


def start(client: APIClient, **body: Any) -> str:
    answer = client.post(URL, body)
    assert answer.status_code == 202, answer.data
    return str(answer.json()["task_id"])


def status(client: APIClient, task_id: str, query: str = "") -> dict[str, Any]:
    answer = client.get(f"{URL}status/{task_id}/{query}")
    assert answer.status_code == 200, answer.data
    body: dict[str, Any] = answer.json()
    return body


def titles(body: dict[str, Any]) -> list[str]:
    return [match["opportunity"]["title"] for match in body["result"]]


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
    assert set(done) >= {"task_id", "status", "progress", "result", "error", "created_at", "updated_at"}
    assert (done["status"], done["progress"]) == ("completed", 1.0)
    assert titles(done)[0] == REPAIRS["title"]
    best = done["result"][0]
    assert best["score"] > done["result"][1]["score"]
    assert "Suits your skill: carpentry" in [reason["text"] for reason in best["reasons"]]


def test_keywords_decide_over_the_profile(as_user: SignIn) -> None:
    profile = make_profile()
    for fields in (DOGS, REPAIRS, {}):
        make_opportunity(**fields)
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client, keywords="rescue dogs at an animal shelter")
    run_tasks()
    assert titles(status(client, task_id))[0] == DOGS["title"]


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


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 10_000},
        {"location": {"latitude": 91, "longitude": 0}},
        {"location": "here"},
        {"radius_km": -1},
        {"radius_km": "inf"},
        {"location": {"latitude": "NaN", "longitude": 0}},
        {"filters": 3},
        [],
        {"filters": {"kinds": ["party"]}},
        {"keywords": "x" * 501},
        {"keywords": "\x00"},
        {"keywords": [{}]},
        {"keywords": ["x" * 300, "x" * 300]},
        {"radius_km": 5},
        {"radius_km": 5, "location": None},
        {"wait": "perhaps"},
        {"filters": {"starts_after": "soon"}},
        {"filters": {"starts_after": "2030-02-01", "starts_before": "2030-01-31"}},
    ],
)
def test_a_body_that_is_not_valid_answers_400(as_user: SignIn, body: dict[str, Any]) -> None:
    answer = as_user(make_user()).post(URL, body)
    assert answer.status_code == 400, answer.data
    assert not MatchRun.objects.exists()


def test_hard_filters_hold(as_user: SignIn) -> None:
    today = timezone.localdate()
    near: dict[str, Any] = {"latitude": 40.70, "longitude": -74.0}
    profile = make_profile(**near, radius_km=5.0, languages=["en"])
    good = make_opportunity(title="near", latitude=40.71, longitude=-74.0)
    remote = make_opportunity(title="remote", is_remote=True)
    make_opportunity(title="far", latitude=41.5, longitude=-74.0)
    make_opportunity(title="over", ends_on=today - timedelta(days=1), **near)
    make_opportunity(title="other language", languages=["fr"], **near)
    make_opportunity(title="other kind", kind="job", **near)
    make_opportunity(title="full", capacity=0, **near)
    make_opportunity(title="withdrawn", is_active=False, **near)
    dismissed = make_opportunity(title="dismissed", **near)
    Interaction.objects.create(user=profile.user, opportunity=dismissed, kind="dismiss")
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client)
    run_tasks()
    assert sorted(titles(status(client, task_id))) == sorted([good.title, remote.title])


def test_what_closes_is_matched_no_more_even_from_the_cache(as_user: SignIn) -> None:
    profile = make_profile()
    repairs, _ = make_opportunity(**REPAIRS), make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    start(client)
    run_tasks()
    Opportunity.objects.filter(pk=repairs.pk).update(is_active=False)
    task_id = start(client)
    run_tasks()
    assert titles(status(client, task_id)) == ["Math tutor"]
    assert [match["opportunity"]["title"] for match in client.get("/api/v1/matches/").json()["results"]] == [
        "Math tutor"
    ]


def test_an_opportunity_deleted_after_the_run_is_left_out(as_user: SignIn) -> None:
    profile = make_profile()
    repairs, _ = make_opportunity(**REPAIRS), make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client)
    run_tasks()
    repairs.delete()
    assert titles(status(client, task_id)) == ["Math tutor"]


def test_a_profile_that_says_nothing_gets_the_newest(as_user: SignIn) -> None:
    for number in range(3):
        make_opportunity(title=f"Tutor {number}")
    run_tasks()
    client = as_user(make_user())
    task_id = start(client)
    run_tasks()
    assert len(titles(status(client, task_id))) == 3


def test_calculate_saves_each_match_once_however_often_it_runs(as_user: SignIn) -> None:
    profile = make_profile()
    make_opportunity(**REPAIRS)
    make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    for _ in range(3):
        assert client.post("/api/v1/matches/calculate/", {}).status_code == 202
        run_tasks()
    saved = client.get("/api/v1/matches/").json()["results"]
    assert [match["opportunity"]["title"] for match in saved] == [REPAIRS["title"], "Math tutor"]
    assert Match.objects.filter(user=profile.user).count() == 2


def test_saved_matches_can_be_filtered_and_asked_for_what_is_new(as_user: SignIn) -> None:
    profile = make_profile(wants=[])
    make_opportunity(**REPAIRS)
    run_tasks()
    before = timezone.now().isoformat()
    make_opportunity(title="Carpenter", description="Carpentry and home repair.", kind="job")
    run_tasks()
    client = as_user(profile.user)
    client.post("/api/v1/matches/calculate/", {})
    run_tasks()
    assert len(client.get("/api/v1/matches/").json()["results"]) == 2
    jobs_only = client.get("/api/v1/matches/?kind=job").json()["results"]
    new = client.get("/api/v1/matches/", {"new_since": before}).json()["results"]
    assert [match["opportunity"]["title"] for match in jobs_only] == ["Carpenter"]
    assert [match["opportunity"]["title"] for match in new] == ["Carpenter"]
    assert client.get("/api/v1/matches/?new_since=yesterday").status_code == 400


def test_onboarding_answers_at_once_and_starts_a_run_that_saves(as_user: SignIn) -> None:
    make_opportunity(**REPAIRS)
    run_tasks()
    user = make_user()
    client = as_user(user)
    answer = client.post("/api/v1/onboarding/confirm/", CARPENTER)
    assert answer.status_code == 202, answer.data
    assert Profile.objects.get(user=user).onboarded_at is not None
    run_tasks()
    assert status(client, answer.json()["task_id"])["status"] == "completed"
    assert [match.opportunity.title for match in Match.objects.filter(user=user)] == [REPAIRS["title"]]


def test_a_new_opportunity_finds_its_citizens_and_tells_them_once_a_day(settings: Any) -> None:
    settings.MATCHING_NOTICE_SIMILARITY = 0.4
    user = make_user(wants_sms=True)
    profile = make_profile(user)
    make_opportunity()
    run_tasks()
    make_opportunity(**REPAIRS)
    make_opportunity(**REPAIRS | {"title": "Repair cabinets and doors"})
    run_tasks()
    assert Match.objects.filter(user=profile.user, opportunity__title=REPAIRS["title"]).exists()
    assert Task.objects.filter(actor="deliver_notification").count() == 1


def test_who_wants_no_notices_is_not_told_and_a_later_put_does_not_change_that(as_user: SignIn, settings: Any) -> None:
    settings.MATCHING_NOTICE_SIMILARITY = 0.4
    user = make_user(wants_sms=True)
    client = as_user(user)
    assert client.get("/api/v1/profiles/me/").json()["wants_match_notices"] is True
    assert client.put("/api/v1/profiles/me/", {"wants_match_notices": False}).status_code == 200
    told = client.put("/api/v1/profiles/me/", CARPENTER).json()
    assert told["wants_match_notices"] is False
    make_opportunity(**REPAIRS)
    run_tasks()
    assert Match.objects.filter(user=user).exists()
    assert not Task.objects.filter(actor="notify_user").exists()


@pytest.mark.parametrize(
    "about", ["Soy carpintero y busco reparar casas de los vecinos.", "मैं बढ़ई हूँ और घर की मरम्मत में मदद करना चाहता हूँ।"]
)
def test_spanish_and_hindi_profiles_find_english_opportunities(as_user: SignIn, about: str) -> None:
    profile = make_profile(headline="", about=about, skills=[], interests=[])
    for fields in (DOGS, REPAIRS, {}):
        make_opportunity(**fields)
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client)
    run_tasks()
    assert titles(status(client, task_id))[0] == REPAIRS["title"]


def test_what_was_saved_or_dismissed_turns_the_next_ranking(as_user: SignIn) -> None:
    profile = make_profile(headline="I like to help", about="", skills=[], interests=[])
    first, second = make_opportunity(**DOGS), make_opportunity(**DOGS | {"title": "Foster a rescue dog"})
    make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    assert client.post(f"/api/v1/opportunities/{first.pk}/save/").status_code == 201
    assert client.post(f"/api/v1/opportunities/{first.pk}/save/").status_code == 200
    task_id = start(client)
    run_tasks()
    assert set(titles(status(client, task_id))[:2]) == {first.title, second.title}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filters": {"kind": "job"}}, "filters.kind"),
        ({"filters": {"kinds": ["job"], "Category": "x"}}, "filters.Category"),
        ({"keyword": "dogs"}, "keyword"),
        ({"location": {"latitude": 1, "longitude": 1, "radius_km": 5}}, "location.radius_km"),
    ],
)
@pytest.mark.parametrize("url", [URL, f"{URL}legacy/"])
def test_a_name_that_nobody_knows_is_refused_and_named(
    as_user: SignIn, url: str, body: dict[str, Any], field: str
) -> None:
    answer = as_user(make_user()).post(url, body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not MatchRun.objects.exists()


def test_keywords_may_be_a_list(as_user: SignIn) -> None:
    start(as_user(make_user()), keywords=["rescue dogs", "shelter"])
    assert MatchRun.objects.get().keywords == "rescue dogs shelter"


def test_a_radius_goes_around_the_place_of_the_profile_or_of_the_run(as_user: SignIn) -> None:
    somewhere: dict[str, Any] = {"latitude": 40.7, "longitude": -74.0}
    start(as_user(make_profile(**somewhere).user), radius_km=5)
    start(as_user(make_user()), radius_km=5, location=somewhere)
    answer = as_user(make_user()).post(URL, {"radius_km": 5})
    assert "location" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("body", [{"keywords": "dogs"}, {"limit": 3}, {"filters": {}}, []])
def test_calculate_takes_no_body(as_user: SignIn, body: Any) -> None:
    client = as_user(make_user())
    assert client.post("/api/v1/matches/calculate/", body).status_code == 400
    assert not MatchRun.objects.exists()
    assert client.post("/api/v1/matches/calculate/").status_code == 202


@pytest.mark.parametrize("wait", ["yes", True, 1, "true"])
def test_every_spelling_of_yes_waits(as_user: SignIn, wait: Any) -> None:
    client = as_user(make_user())
    assert client.post(URL, {"wait": wait}).status_code == 200
    assert client.post(f"{URL}?wait={wait}", {}).status_code == 200


def test_a_wait_that_is_neither_yes_nor_no_starts_nothing(as_user: SignIn) -> None:
    assert as_user(make_user()).post(f"{URL}?wait=perhaps", {}).status_code == 400
    assert not MatchRun.objects.exists()


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


HERE, NEAR, FAR = ((40.7, -74.0), (40.71, -74.0), (41.5, -74.0))


def placed(place: tuple[float, float]) -> dict[str, Any]:
    return {"latitude": place[0], "longitude": place[1]}


@pytest.mark.parametrize("body", [{}, {"keywords": "algebra homework"}])
@pytest.mark.parametrize("own", [None, FAR])
def test_a_run_ranks_by_its_own_location(
    as_user: SignIn, body: dict[str, Any], own: tuple[float, float] | None
) -> None:
    far = make_opportunity(title="far", **placed(FAR))
    near = make_opportunity(title="near", **placed(NEAR))
    run_tasks()
    profile = make_profile(wants=[], **(placed(own) if own else {}))
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client, location=placed(HERE), **body)
    run_tasks()
    found = status(client, task_id)
    assert titles(found) == [near.title, far.title]
    distances = [reason for match in found["result"] for reason in match["reasons"] if reason["kind"] == "distance"]
    assert [reason["kilometers"] for reason in distances] == [1.1, 89.0]


def test_a_location_counts_for_somebody_without_a_profile(as_user: SignIn) -> None:
    make_opportunity(**placed(NEAR))
    run_tasks()
    client = as_user(make_user())
    task_id = start(client, location=placed(HERE))
    run_tasks()
    assert "1.1 km away" in [reason["text"] for reason in status(client, task_id)["result"][0]["reasons"]]


def test_what_was_saved_and_then_dismissed_counts_as_dismissed(as_user: SignIn) -> None:
    profile = make_profile(headline="I like to help", about="", skills=[], interests=[])
    dogs = make_opportunity(**DOGS)
    make_opportunity(**DOGS | {"title": "Foster a rescue dog"})
    make_opportunity()
    run_tasks()
    client = as_user(profile.user)

    def place_of_the_other_dog() -> float:
        task_id = start(client)
        run_tasks()
        scores = {one["opportunity"]["title"]: one["score"] for one in status(client, task_id)["result"]}
        return float(scores["Foster a rescue dog"] - scores["Math tutor"])

    before = place_of_the_other_dog()
    client.post(f"/api/v1/opportunities/{dogs.pk}/save/")
    liked = place_of_the_other_dog()
    client.post(f"/api/v1/opportunities/{dogs.pk}/dismiss/")
    assert place_of_the_other_dog() < before < liked


@pytest.mark.parametrize(
    ("keywords", "facts"),
    [
        ("carpintero, reparar casas", {"languages": ["es"]}),
        ("carpintero, reparar casas", {"languages": ["en", "es-MX"]}),
        ("carpintero, reparar casas", {"about": "Soy de la costa y busco trabajo con mi familia."}),
        ("busco reparar la casa de los vecinos", {}),
        ("बढ़ई मरम्मत घर", {}),
    ],
)
def test_spanish_and_hindi_keywords_find_english_opportunities(
    as_user: SignIn, keywords: str, facts: dict[str, Any]
) -> None:
    profile = make_profile(**{"headline": "", "about": "", "skills": [], "interests": []} | facts)
    for fields in (DOGS, {}, REPAIRS):
        make_opportunity(**fields)
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client, keywords=keywords)
    run_tasks()
    found = status(client, task_id)["result"]
    assert found[0]["opportunity"]["title"] == REPAIRS["title"]
    assert found[0]["score"] > found[1]["score"] + 0.2


def test_english_keywords_of_somebody_who_also_speaks_spanish_stay_whole(as_user: SignIn) -> None:
    profile = make_profile(languages=["es", "en"], headline="", about="", skills=[], interests=[])
    for fields in ({}, REPAIRS, DOGS):
        make_opportunity(**fields)
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client, keywords="animal shelter")
    run_tasks()
    assert titles(status(client, task_id))[0] == DOGS["title"]


def test_reasons_name_skills_in_the_citizens_own_words(as_user: SignIn) -> None:
    profile = make_profile(
        headline="Soy carpintero", about="Busco reparar la casa de los vecinos.", skills=["carpintería"], interests=[]
    )
    make_opportunity(**REPAIRS)
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client)
    run_tasks()
    reasons = [reason["text"] for reason in status(client, task_id)["result"][0]["reasons"]]
    assert "Suits your skill: carpintería" in reasons


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati"])
def test_today_is_the_day_of_the_city(zone: str) -> None:
    run = MatchRun(user=make_user())
    with timezone.override(zone):
        assert criteria_for(None, run).day == criteria_for(make_profile(), run).day == timezone.localdate()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["begun", "first", "none", "second"]),
        ({"starts_after": "2030-01-02"}, ["second"]),
        ({"starts_before": "2030-01-01"}, ["begun", "first"]),
        ({"starts_after": "2030-01-01", "starts_before": "2030-01-01"}, ["first"]),
        ({"category": "ANIMALS"}, ["first"]),
    ],
)
def test_a_run_keeps_to_dates_and_to_a_category_however_it_is_spelt(
    as_user: SignIn, filters: dict[str, Any], expected: list[str]
) -> None:
    make_opportunity(title="first", starts_on=date(2030, 1, 1), category="Animals")
    make_opportunity(title="second", starts_on=date(2030, 1, 2))
    make_opportunity(title="none")
    make_opportunity(title="begun", starts_on=date(2020, 1, 1))
    run_tasks()
    client = as_user(make_user())
    task_id = start(client, filters=filters)
    run_tasks()
    assert sorted(titles(status(client, task_id))) == expected


def test_a_vector_that_lags_behind_the_profile_names_none_of_its_skills() -> None:
    profile = make_profile(skills=["carpentry", "home repair", "roofs"])
    run_tasks()
    Profile.objects.filter(pk=profile.pk).update(skills=["dancing"], version=F("version") + 1)
    stored = ProfileVector.objects.select_related("profile").get()
    wish = wish_of(stored, stored.space.dimensions).wish
    assert (len(wish.skills), len(wish.facets)) == (1, 0)


def test_an_organisation_with_more_postings_than_there_are_candidates_leaves_room_for_others(
    as_user: SignIn, settings: Any
) -> None:
    settings.MATCHING_CANDIDATES = 12
    profile = make_profile()
    make_opportunity(**REPAIRS | {"title": "Repair homes"}, organisation="Among the candidates")
    for number in range(30):
        make_opportunity(
            **REPAIRS | {"title": f"Repair homes of older neighbors, round {number}"}, organisation="Flood"
        )
    for _ in range(9):
        make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    task_id = start(client, limit=10)
    run_tasks()
    names = [match["opportunity"]["organisation"] for match in status(client, task_id)["result"]]
    assert names.count("Flood") == 2
    assert names.count("Among the candidates") == 1
    assert len(names) == 10
