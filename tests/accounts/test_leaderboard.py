"""The leaderboard, computed by a job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import reputation
from accounts.models import ReputationEntry, User
from jobs.testing import run_tasks
from tests.accounts.factories import bearer, make_user

pytestmark = pytest.mark.django_db


def gain(user: User, points: int, *, days_ago: int = 0) -> None:
    key = f"test:{ReputationEntry.objects.count()}"
    at = timezone.now() - timedelta(days=days_ago)
    reputation.credit(user.pk, points, event_key=key, reason="test", at=at)


def ranking(client: APIClient, **payload: Any) -> list[dict[str, Any]]:
    client.credentials(HTTP_AUTHORIZATION=bearer(make_user())["authorization"])
    response = client.post(
        "/api/v1/jobs/", {"job_type": "accounts.leaderboard", "payload": payload}
    )
    run_tasks()
    places: list[dict[str, Any]] = client.get(response["Location"]).json()["result"]["places"]
    return places


def test_it_ranks_by_points_of_the_period_and_tells_the_name_alone(client: APIClient) -> None:
    ana, ben, nameless = make_user(name="Ana"), make_user(name="Ben"), make_user()
    gain(ana, 10)
    gain(ana, 5)
    gain(ben, 15)
    gain(nameless, 3)
    gain(nameless, 100, days_ago=31)
    assert ranking(client) == [
        {"rank": 1, "name": "Ana", "points": 15},
        {"rank": 1, "name": "Ben", "points": 15},
        {"rank": 3, "name": "A citizen", "points": 3},
    ]
    long_ago = (timezone.now() - timedelta(days=60)).isoformat()
    assert ranking(client, since=long_ago, limit=1) == [
        {"rank": 1, "name": "A citizen", "points": 103}
    ]


def test_staff_the_disabled_and_those_who_gained_nothing_are_left_out(client: APIClient) -> None:
    gain(make_user(name="Staff", is_staff=True), 5)
    gain(make_user(name="Gone", is_active=False), 5)
    loser = make_user(name="Loser")
    gain(loser, 5)
    gain(loser, -5)
    assert ranking(client) == []


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z"]
)
def test_a_time_that_no_period_can_be_counted_from_is_refused(
    client: APIClient, name: str, time: str
) -> None:
    body = {"job_type": "accounts.leaderboard", "payload": {name: time}}
    response = client.post("/api/v1/jobs/", body, headers=bearer(make_user()))
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["field"] == f"payload.{name}"
