"""The reputation ledger and its sum."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
import structlog
from django.db import transaction
from django.db.models import Sum

from accounts import reputation
from accounts.actors import credit_reputation
from accounts.models import ReputationEntry, User
from jobs.execution import bundles, pace
from jobs.ledger.database import execute
from jobs.ledger.transitions import Claim
from jobs.testing import run_tasks
from tests.accounts.factories import make_user
from tests.accounts.racing import race
from tests.reports.racing import in_a_thread, wait_until_blocked


@pytest.mark.django_db
def test_an_event_counts_once() -> None:
    user = make_user()
    assert reputation.credit(user.id, 5, event_key="report:1", reason="report") is True
    assert reputation.credit(user.id, 5, event_key="report:1", reason="report") is False
    assert reputation.credit(user.id, -2, event_key="report:1:rejected", reason="rejected") is True
    user.refresh_from_db()
    assert user.reputation == 3
    assert user.reputation_entries.count() == 2


@pytest.mark.django_db
def test_nobody_is_credited_for_an_unknown_user() -> None:
    assert reputation.credit(uuid4(), 5, event_key="report:1", reason="report") is False
    assert not ReputationEntry.objects.exists()


@pytest.mark.django_db
def test_a_credit_takes_the_lock_and_one_statement(django_assert_num_queries: object) -> None:
    user = make_user()
    with django_assert_num_queries(2):  # type: ignore[operator]
        reputation.credit(user.id, 5, event_key="report:1", reason="report")


@pytest.mark.django_db
def test_a_day_has_only_so_many_points(settings: Any) -> None:
    settings.REPUTATION_POINTS_PER_DAY = 12
    user = make_user()
    for number in range(4):
        assert reputation.credit(user.id, 5, event_key=f"report:{number}", reason="report") is True
    assert reputation.credit(user.id, -7, event_key="withdrawn", reason="withdrawn") is True
    assert reputation.credit(user.id, 5, event_key="report:4", reason="report") is True
    user.refresh_from_db()
    entries = list(user.reputation_entries.order_by("id").values_list("points", flat=True))
    assert entries == [5, 5, 2, 0, -7, 0]
    assert user.reputation == 5
    assert reputation.credit(user.id, 5, event_key="report:3", reason="report") is False


@pytest.mark.django_db
def test_the_day_of_the_city_begins_anew(settings: Any) -> None:
    """Its clocks go back on that day, which has 25 hours."""
    settings.REPUTATION_POINTS_PER_DAY, settings.TIME_ZONE = 5, "America/New_York"
    user = make_user()
    moments = (
        "2026-11-01T03:59",
        "2026-11-01T04:00",
        "2026-11-02T04:59",
        "2026-11-02T05:00",
        "2026-11-03T04:59",
    )
    for moment in moments:
        at = datetime.fromisoformat(f"{moment}:00+00:00")
        reputation.credit(user.id, 5, event_key=moment, reason="report", at=at)
    entries = user.reputation_entries.order_by("created_at").values_list("points", flat=True)
    assert list(entries) == [5, 5, 0, 5, 0]


@pytest.mark.django_db(transaction=True)
def test_credits_at_once_stay_within_the_day(settings: Any) -> None:
    settings.REPUTATION_POINTS_PER_DAY = 37
    user = make_user()
    keys = iter([f"event:{number}" for number in range(48)])
    race(
        lambda: reputation.credit(user.id, 5, event_key=next(keys), reason="race"),
        times=48,
        threads=16,
    )
    total = ReputationEntry.objects.aggregate(total=Sum("points"))["total"]
    assert User.objects.get().reputation == total == 37


@pytest.mark.django_db
def test_the_actor_credits_once_however_often_it_is_sent() -> None:
    user = make_user()
    with transaction.atomic():
        for _ in range(3):
            credit_reputation.send(str(user.id), 5, "report:1:submitted", "report submitted")
    run_tasks()
    user.refresh_from_db()
    assert user.reputation == 5


@pytest.mark.django_db(transaction=True)
def test_the_sum_equals_the_ledger_after_a_race_of_equal_and_different_events() -> None:
    user = make_user()
    keys = iter([f"event:{number % 20}" for number in range(80)])
    outcomes = race(
        lambda: reputation.credit(user.id, 3, event_key=next(keys), reason="race"),
        times=80,
        threads=16,
    )
    assert sum(outcome is True for outcome in outcomes) == 20
    total = ReputationEntry.objects.aggregate(total=Sum("points"))["total"]
    assert User.objects.get().reputation == total == 60


@pytest.mark.django_db(transaction=True)
def test_bundles_credit_the_same_users_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "TRANSACTION_SECONDS", 60.0)
    monkeypatch.setattr(pace, "_seconds", {"credit_reputation": 0.0005})
    users = [str(make_user().pk), str(make_user().pk)]
    both = [_claimed(users), _claimed(users[::-1])]
    with structlog.testing.capture_logs() as logs, ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            for user in users:
                execute(reputation.LOCK, (user,))
            runs = [pool.submit(in_a_thread, bundles.run, claims) for claims in both]
            wait_until_blocked("accounts_user", statements=2)
        assert [len(run.result()) for run in runs] == [2, 2]
    assert "jobs.bundle_broken" not in {entry["event"] for entry in logs}


def _claimed(users: Sequence[str]) -> list[Claim]:
    """Send a credit to each user; return their claims in the order of the users."""
    with transaction.atomic():
        credit_reputation.send_many([(user, 5, str(uuid4()), "race") for user in users])
    claims = bundles.claim("default", ["credit_reputation"])
    return sorted(claims, key=lambda claim: users.index(claim.args[0]))
