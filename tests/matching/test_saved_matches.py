"""A citizen's saved matches: what fills them, how they are read, and who is told of new ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from jobs.models import Task
from jobs.testing import run_tasks
from matching.models import Match, Profile
from tests.accounts.factories import make_user
from tests.matching.conftest import SignIn
from tests.matching.factories import CARPENTER, REPAIRS, make_opportunity, make_profile
from tests.matching.runs import status

pytestmark = pytest.mark.django_db


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
    assert [match.opportunity.title for match in Match.objects.filter(user=user)] == [
        REPAIRS["title"]
    ]


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


def test_who_wants_no_notices_is_not_told_and_a_later_put_does_not_change_that(
    as_user: SignIn, settings: Any
) -> None:
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
