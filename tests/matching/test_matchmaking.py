"""What a match run finds: filters, places, languages, and what the citizen did before."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from jobs.testing import run_tasks
from matching.models import Interaction, MatchRun, Profile, ProfileVector
from matching.ranking.carrying_out import criteria_for
from matching.ranking.wishes import wish_of
from tests.accounts.factories import make_user
from tests.matching.conftest import SignIn
from tests.matching.factories import DOGS, REPAIRS, make_opportunity, make_profile
from tests.matching.runs import run, titles

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_keywords_decide_over_the_profile(as_user: SignIn) -> None:
    profile = make_profile()
    for fields in (DOGS, REPAIRS, {}):
        make_opportunity(**fields)
    run_tasks()
    assert (
        titles(run(as_user(profile.user), keywords="rescue dogs at an animal shelter"))[0]
        == DOGS["title"]
    )


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
    assert sorted(titles(run(as_user(profile.user)))) == sorted([good.title, remote.title])


def test_a_profile_that_says_nothing_gets_the_newest(as_user: SignIn) -> None:
    for number in range(3):
        make_opportunity(title=f"Tutor {number}")
    run_tasks()
    assert len(titles(run(as_user(make_user())))) == 3


@pytest.mark.parametrize(
    "about",
    [
        "Soy carpintero y busco reparar casas de los vecinos.",
        "मैं बढ़ई हूँ और घर की मरम्मत में मदद करना चाहता हूँ।",
    ],
)
def test_spanish_and_hindi_profiles_find_english_opportunities(as_user: SignIn, about: str) -> None:
    profile = make_profile(headline="", about=about, skills=[], interests=[])
    for fields in (DOGS, REPAIRS, {}):
        make_opportunity(**fields)
    run_tasks()
    assert titles(run(as_user(profile.user)))[0] == REPAIRS["title"]


def test_what_was_saved_or_dismissed_turns_the_next_ranking(as_user: SignIn) -> None:
    profile = make_profile(headline="I like to help", about="", skills=[], interests=[])
    first, second = (
        make_opportunity(**DOGS),
        make_opportunity(**DOGS | {"title": "Foster a rescue dog"}),
    )
    make_opportunity()
    run_tasks()
    client = as_user(profile.user)
    assert client.post(f"/api/v1/opportunities/{first.pk}/save/").status_code == 201
    assert client.post(f"/api/v1/opportunities/{first.pk}/save/").status_code == 200
    assert set(titles(run(client))[:2]) == {first.title, second.title}


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
    found = run(as_user(profile.user), location=placed(HERE), **body)
    assert titles(found) == [near.title, far.title]
    distances = [
        reason
        for match in found["result"]
        for reason in match["reasons"]
        if reason["kind"] == "distance"
    ]
    assert [reason["kilometers"] for reason in distances] == [1.1, 89.0]


def test_a_location_counts_for_somebody_without_a_profile(as_user: SignIn) -> None:
    make_opportunity(**placed(NEAR))
    run_tasks()
    assert "1.1 km away" in [
        reason["text"]
        for reason in run(as_user(make_user()), location=placed(HERE))["result"][0]["reasons"]
    ]


def test_what_was_saved_and_then_dismissed_counts_as_dismissed(as_user: SignIn) -> None:
    profile = make_profile(headline="I like to help", about="", skills=[], interests=[])
    dogs = make_opportunity(**DOGS)
    make_opportunity(**DOGS | {"title": "Foster a rescue dog"})
    make_opportunity()
    run_tasks()
    client = as_user(profile.user)

    def place_of_the_other_dog() -> float:
        scores = {one["opportunity"]["title"]: one["score"] for one in run(client)["result"]}
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
    found = run(as_user(profile.user), keywords=keywords)["result"]
    assert found[0]["opportunity"]["title"] == REPAIRS["title"]
    assert found[0]["score"] > found[1]["score"] + 0.2


def test_english_keywords_of_somebody_who_also_speaks_spanish_stay_whole(as_user: SignIn) -> None:
    profile = make_profile(languages=["es", "en"], headline="", about="", skills=[], interests=[])
    for fields in ({}, REPAIRS, DOGS):
        make_opportunity(**fields)
    run_tasks()
    assert titles(run(as_user(profile.user), keywords="animal shelter"))[0] == DOGS["title"]


def test_reasons_name_skills_in_the_citizens_own_words(as_user: SignIn) -> None:
    profile = make_profile(
        headline="Soy carpintero",
        about="Busco reparar la casa de los vecinos.",
        skills=["carpintería"],
        interests=[],
    )
    make_opportunity(**REPAIRS)
    run_tasks()
    reasons = [reason["text"] for reason in run(as_user(profile.user))["result"][0]["reasons"]]
    assert "Suits your skill: carpintería" in reasons


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati"])
def test_today_is_the_day_of_the_city(zone: str) -> None:
    run = MatchRun(user=make_user())
    with timezone.override(zone):
        assert (
            criteria_for(None, run).day
            == criteria_for(make_profile(), run).day
            == timezone.localdate()
        )


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
    assert sorted(titles(run(as_user(make_user()), filters=filters))) == expected


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
            **REPAIRS | {"title": f"Repair homes of older neighbors, round {number}"},
            organisation="Flood",
        )
    for _ in range(9):
        make_opportunity()
    run_tasks()
    names = [
        match["opportunity"]["organisation"]
        for match in run(as_user(profile.user), limit=10)["result"]
    ]
    assert names.count("Flood") == 2
    assert names.count("Among the candidates") == 1
    assert len(names) == 10


def test_a_run_leaves_out_matches_below_its_minimum_score(as_user: SignIn) -> None:
    profile = make_profile()
    for fields in (REPAIRS, {}, DOGS):
        make_opportunity(**fields)
    run_tasks()
    client = as_user(profile.user)
    scores = [match["score"] for match in run(client)["result"]]
    assert len(scores) == 3
    for least, count in ((0, 3), (scores[1], 2), (scores[0], 1), (1, 0)):
        assert len(run(client, min_score=least)["result"]) == count


def test_a_score_is_the_same_whatever_else_the_run_finds(as_user: SignIn) -> None:
    profile = make_profile(wants=[])
    make_opportunity(**REPAIRS, category="Housing")
    for fields in ({}, DOGS, {"kind": "job", "title": "Cabinet maker"}):
        make_opportunity(**fields)
    run_tasks()
    client = as_user(profile.user)
    alone = run(client, filters={"category": "Housing"})["result"]
    among = run(client)["result"]
    assert (len(alone), len(among)) == (1, 4)
    assert alone[0]["score"] in [match["score"] for match in among]


WEEKEND, OFFICE = (
    {"title": "Repair homes on Saturday", "description": "Carpenters fix doors of seniors."},
    {"title": "Repair homes", "description": "Carpenters fix doors, Monday to Friday, 9am-5pm."},
)


@pytest.mark.parametrize(
    ("availability", "first", "reason"),
    [
        ("weekends", WEEKEND, "When you have time: Saturday"),
        ("weekdays", OFFICE, "When you have time: weekdays, morning or afternoon"),
        ("los fines de semana", WEEKEND, "When you have time: Saturday"),
    ],
)
def test_what_clashes_with_the_citizens_times_comes_after_what_does_not(
    as_user: SignIn, availability: str, first: dict[str, Any], reason: str
) -> None:
    profile = make_profile(availability=availability)
    for fields in (WEEKEND, OFFICE, {}):
        make_opportunity(**fields)
    run_tasks()
    found = run(as_user(profile.user))["result"]
    assert found[0]["opportunity"]["title"] == first["title"]
    assert reason in [one["text"] for one in found[0]["reasons"]]
    clashing = next(
        match for match in found[1:] if match["opportunity"]["title"].startswith("Repair")
    )
    assert "other_time" in {one["kind"] for one in clashing["reasons"]}
    assert clashing["score"] < 0.6 * found[0]["score"]


def test_an_event_of_one_day_is_at_the_time_of_its_day(as_user: SignIn) -> None:
    profile = make_profile(availability="Sundays", wants=["event"])
    for title, day in (("Repair on the first", 5), ("Repair on the second", 6)):
        make_opportunity(
            **REPAIRS | {"title": title}, kind="event", starts_on=date(2130, 11, day)
        )  # a Sunday and a Monday
    run_tasks()
    found = run(as_user(profile.user))["result"]
    assert [(match["opportunity"]["title"], match["reasons"][-2]["text"]) for match in found] == [
        ("Repair on the first", "When you have time: Sunday"),
        ("Repair on the second", "At another time: Monday"),
    ]


def test_only_times_that_all_suit_are_a_reason(as_user: SignIn) -> None:
    make_opportunity(**REPAIRS | {"title": "Repair evening"})
    profile = make_profile(availability="weekends")
    run_tasks()
    [found] = run(as_user(profile.user))["result"]
    assert not {"time", "other_time"} & {reason["kind"] for reason in found["reasons"]}


def test_times_that_only_one_side_names_change_nothing(as_user: SignIn) -> None:
    make_opportunity(**WEEKEND)
    scores = []
    for availability in ("", "five hours a week", "Saturdays", "any time"):
        profile = make_profile(availability=availability)
        run_tasks()
        scores += [match["score"] for match in run(as_user(profile.user))["result"]]
    assert len(set(scores)) == 1
