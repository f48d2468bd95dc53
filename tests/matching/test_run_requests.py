"""What a match run may be asked for, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from matching.models import MatchRun
from tests.accounts.factories import make_user
from tests.matching.conftest import SignIn
from tests.matching.factories import make_profile
from tests.matching.runs import URL, start

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 10_000},
        {"location": {"latitude": 91, "longitude": 0}},
        {"location": {"latitude": True, "longitude": 0}},
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
        {"keywords": 7},
        {"keywords": ["x" * 300, "x" * 300]},
        {"radius_km": 5},
        {"radius_km": 5, "location": None},
        {"wait": "perhaps"},
        {"min_score": 1.01},
        {"min_score": -0.1},
        {"min_score": "0.5"},
        {"min_score": True},
        {"filters": {"starts_after": "soon"}},
        {"filters": {"starts_after": "2030-02-01", "starts_before": "2030-01-31"}},
    ],
)
def test_a_body_that_is_not_valid_answers_400(as_user: SignIn, body: dict[str, Any]) -> None:
    answer = as_user(make_user()).post(URL, body)
    assert answer.status_code == 400, answer.data
    assert not MatchRun.objects.exists()


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


@pytest.mark.parametrize("lax", ["yes", "true", 1])
def test_a_boolean_of_the_body_is_true_or_false(as_user: SignIn, lax: Any) -> None:
    client = as_user(make_user())
    for body, field in (
        ({"notify": lax}, "notify"),
        ({"filters": {"is_remote": lax}}, "filters.is_remote"),
    ):
        answer = client.post(URL, body)
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not MatchRun.objects.exists()
    assert (
        client.post(
            URL, {"wait": True, "notify": False, "filters": {"is_remote": None}}
        ).status_code
        == 200
    )


def test_a_wait_that_is_neither_yes_nor_no_starts_nothing(as_user: SignIn) -> None:
    assert as_user(make_user()).post(f"{URL}?wait=perhaps", {}).status_code == 400
    assert not MatchRun.objects.exists()
