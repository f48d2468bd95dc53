"""Processes whose clock is off by hours stamp and judge by PostgreSQL's clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db.models import DateTimeField
from django.utils import timezone
from django_otp.oath import TOTP
from rest_framework.test import APIClient

from accounts import leaderboard
from accounts.codes import derive_code
from accounts.models import OtpChallenge, ReputationEntry, StaffAuthenticator, User
from jobs.ledger import database
from jobs.testing import run_tasks
from notifications.models import Delivery
from reports.models import Report, Status, StatusChange
from reports.workflow.transitions import change_status
from tests.accounts.factories import make_phone, make_user

pytestmark = pytest.mark.django_db

#: Times that lie ahead by intent.
DEADLINES = {
    "expires_at",
    "due_at",
    "response_due_at",
    "expire_date",
    "deadline_at",
    "run_at",
    "window_ends_at",
}
APPS = ("accounts", "desk", "georeport", "notifications", "reports", "matching", "jobs")


@pytest.fixture(params=[-3, 3], ids=["three hours behind", "three hours ahead"])
def _wrong_clock(request: pytest.FixtureRequest) -> Iterator[None]:
    with time_machine.travel(timezone.now() + timedelta(hours=request.param), tick=True):
        yield


def stamps() -> Iterator[tuple[str, datetime]]:
    """Yield every time that is stored, deadlines aside, with the name of its column."""
    for model in (model for app in APPS for model in apps.get_app_config(app).get_models()):
        names = [one.name for one in model._meta.fields if isinstance(one, DateTimeField)]
        for row in model._default_manager.values(*names) if names else ():
            for name in names:
                if row[name] is not None and name not in DEADLINES:
                    yield f"{model.__name__}.{name}", row[name]


def sign_in(client: APIClient) -> dict[str, Any]:
    phone = make_phone()
    assert client.post("/api/v1/auth/request-otp", {"phone": phone}).status_code == 202
    run_tasks()
    challenge = OtpChallenge.objects.get(recipient=phone)
    body = {"phone": phone, "code": derive_code(challenge.id, phone)}
    answer: dict[str, Any] = client.post("/api/v1/auth/verify-otp", body).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer['access']}")
    return answer


@pytest.mark.usefixtures("_wrong_clock")
def test_a_sign_in_a_report_and_its_messages_bear_the_time_of_postgresql() -> None:
    client, started_at = APIClient(), database.now() - timedelta(seconds=5)
    known = set(stamps())  # a server of earlier tests reports that it is there
    pair = sign_in(client)
    pair = client.post("/api/v1/auth/refresh", {"refresh": pair["refresh"]}).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    place = {"latitude": 41.3, "longitude": -72.9}
    sent = client.post("/api/v1/reports/", {"title": "Deep hole", "description": "Here.", **place})
    assert sent.status_code == 201
    run_tasks()
    report = Report.objects.get()
    change_status(report, to=Status.RESOLVED, by=make_user(is_staff=True))
    run_tasks()
    assert Delivery.objects.exclude(finished_at=None).count() == 2
    assert StatusChange.objects.count() >= 2
    ended_at = database.now() + timedelta(seconds=5)
    new = set(stamps()) - known
    assert {name: at for name, at in new if not started_at < at < ended_at} == {}


@pytest.mark.usefixtures("_wrong_clock")
def test_what_postgresql_counts_as_past_is_past() -> None:
    client = APIClient()
    sign_in(client)
    assert client.get("/api/v1/users/me").status_code == 200
    User.objects.update(tokens_valid_after=database.now())
    assert client.get("/api/v1/users/me").status_code == 401


@pytest.mark.usefixtures("_wrong_clock")
def test_an_authenticator_goes_by_the_time_of_postgresql() -> None:
    """Codes, and the pause after a wrong one, which two machines with other clocks keep alike."""
    authenticator = StaffAuthenticator.objects.create(user=make_user(is_staff=True), name="app")
    clock = TOTP(authenticator.seed)
    clock.time = database.now().timestamp()
    assert authenticator.verify_token(f"{clock.token():06}")
    assert not authenticator.verify_token("000000")
    allowed, reason = authenticator.verify_is_allowed()
    assert reason is not None
    wait = (reason["locked_until"] - timezone.now()).total_seconds()
    assert (allowed, 0 < wait <= 1) == (False, True)
    passed = database.now() - timedelta(seconds=2)
    StaffAuthenticator.objects.update(throttling_failure_timestamp=passed)
    authenticator.refresh_from_db()
    assert authenticator.verify_is_allowed() == (True, None)


@pytest.mark.usefixtures("_wrong_clock")
def test_a_period_without_an_end_ends_now() -> None:
    user = make_user()
    ReputationEntry.objects.create(user=user, points=5, event_key="a", reason="test")
    assert [row["points"] for row in leaderboard.top_citizens(limit=5)] == [5]
