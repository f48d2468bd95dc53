"""The leaderboard: its boards, own ranks, leaving it, and the job that computes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import reputation
from accounts.models import ReputationEntry, User
from jobs.models import JobResult
from jobs.testing import run_tasks
from reports.figures import cells
from reports.leaderboard.actors import compute_leaderboard
from reports.models import Area, LeaderboardPeriod, LeaderboardStanding, Report
from tests.accounts.factories import bearer, make_user
from tests.reports.factories import make_report, make_staff

pytestmark = pytest.mark.django_db

PLACE = {"latitude": 41.3, "longitude": -72.9}
ELSEWHERE = {"latitude": 41.5, "longitude": -72.5}


@pytest.fixture
def north() -> Area:
    ring = [[-73, 41.2], [-72.8, 41.2], [-72.8, 41.4], [-73, 41.4], [-73, 41.2]]
    return Area.objects.create(name="North", polygons={"type": "Polygon", "coordinates": [ring]})


def gain(user: User, points: int, *, report: Report | None = None, days_ago: float = 0) -> None:
    number = ReputationEntry.objects.count()
    key = f"report:{report.pk}:{number}" if report else f"test:{number}"
    at = timezone.now() - timedelta(days=days_ago)
    reputation.credit(user.pk, points, event_key=key, reason="test", at=at)


def compute(*, is_kept: bool = False) -> None:
    cells.assign()
    with transaction.atomic():
        compute_leaderboard.send(periods=LeaderboardPeriod.values, is_kept=is_kept)
    run_tasks()


def board(user: User | None = None, **query: Any) -> dict[str, Any]:
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=bearer(user)["authorization"])
    answer = client.get("/api/v1/leaderboard/", query)
    assert answer.status_code == 200, answer.content
    content: dict[str, Any] = answer.json()
    return content


def names(**query: Any) -> list[tuple[int, str, int]]:
    return [(row["rank"], row["name"], row["points"]) for row in board(**query)["places"]]


def test_each_period_counts_what_was_gained_in_it() -> None:
    ana, ben = make_user(name="Ana"), make_user(name="Ben")
    gain(ana, 5)
    gain(ben, 50, days_ago=800)
    compute()
    for period in ("week", "month", "year"):
        assert names(period=period) == [(1, "Ana", 5)]
    assert names(period="all") == [(1, "Ben", 50), (2, "Ana", 5)]


def test_points_count_in_the_area_of_their_report(north: Area) -> None:
    ana, ben = make_user(name="Ana"), make_user(name="Ben")
    gain(ana, 5, report=make_report(**PLACE))
    gain(ben, 9, report=make_report(**ELSEWHERE))
    gain(ben, 3)
    compute()
    assert names(period="all", area=north.pk) == [(1, "Ana", 5)]
    assert names(period="all") == [(1, "Ben", 12), (2, "Ana", 5)]


def test_equal_points_share_a_rank_and_who_had_them_first_stands_first() -> None:
    late, early, last = (make_user(name=name) for name in ("Late", "Early", "Last"))
    gain(late, 5, days_ago=0.01)
    gain(early, 5, days_ago=0.02)
    gain(last, 1)
    compute()
    expected = [(1, "Early", 5), (1, "Late", 5), (3, "Last", 1)]
    assert names(period="all") == expected
    compute()
    assert names(period="all") == expected


def test_one_sees_the_own_place_also_beyond_those_shown() -> None:
    first, me = make_user(name="First"), make_user(name="Me")
    gain(first, 9)
    gain(me, 2)
    compute()
    seen = board(me, period="all", limit=1)
    assert [row["name"] for row in seen["places"]] == ["First"]
    assert seen["own"] == {"rank": 2, "name": "Me", "points": 2}
    assert board(period="all")["own"] is None
    assert board(make_user(), period="all")["own"] is None


def test_who_leaves_is_gone_at_once_and_leaves_no_gap() -> None:
    first, second = make_user(name="First"), make_user(name="Second")
    gain(first, 9)
    gain(second, 2)
    compute(is_kept=True)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=bearer(first)["authorization"])
    assert client.patch(reverse("me"), {"is_on_leaderboard": False}, "json").status_code == 200
    seen = board(first, period="all")
    assert [(row["rank"], row["name"]) for row in seen["places"]] == [(1, "Second")]
    assert seen["own"] is None
    staff = make_staff()
    kept = JobResult.objects.get()
    client.credentials(HTTP_AUTHORIZATION=bearer(staff)["authorization"])
    for path in ("", "export/"):
        content = client.get(f"/api/v1/job-results/{kept.pk}/{path}").content.decode()
        assert "Second" in content
        assert "First" not in content
        assert str(first.pk) not in content


def test_staff_and_who_lost_what_they_gained_are_left_out() -> None:
    loser = make_user(name="Loser")
    gain(loser, 5)
    gain(loser, -5)
    gain(make_user(name="Staff", is_staff=True), 5)
    compute()
    assert names(period="all") == []


def test_points_that_are_lost_again_take_the_standing_away() -> None:
    user = make_user(name="Ana")
    gain(user, 5)
    compute()
    gain(user, -7)
    compute()
    assert not LeaderboardStanding.objects.exists()


def test_staff_start_it_as_a_job_and_citizens_do_not() -> None:
    gain(make_user(name="Ana"), 5)
    client = APIClient()
    body = {"job_type": "leaderboard", "payload": {"periods": ["all"]}}
    client.credentials(HTTP_AUTHORIZATION=bearer(make_user())["authorization"])
    assert client.post("/api/v1/jobs/", body, "json").status_code == 403
    client.credentials(HTTP_AUTHORIZATION=bearer(make_staff())["authorization"])
    job = client.post("/api/v1/jobs/", body, "json")
    assert job.status_code == 202, job.content
    run_tasks()
    (result,) = client.get(job["Location"]).json()["result"]["boards"]
    assert (result["period"], result["area"], result["citizens"]) == ("all", None, 1)
    assert result["places"] == [{"rank": 1, "name": "Ana", "points": 5}]


@pytest.mark.parametrize(
    "query", [{"period": "decade"}, {"area": "north"}, {"area": "999999"}, {"limit": "101"}]
)
def test_a_bad_query_is_refused(query: dict[str, str]) -> None:
    assert APIClient().get("/api/v1/leaderboard/", query).status_code == 400
