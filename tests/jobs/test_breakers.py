"""An outage of somebody else's machine costs few attempts, whichever process notices it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db.models import F
from django.test import Client

import jobs
from accounts.models import AuditEvent
from jobs.execution import breakers
from jobs.models import AlertEpisode, Breaker
from jobs.operations import actions, alerts, metrics
from tests.accounts.factories import make_user
from tests.accounts.racing import race

pytestmark = pytest.mark.django_db
PERMIT = breakers.Permit("sms")


def fail(times: int, permit: breakers.Permit = PERMIT, **options: Any) -> None:
    for _ in range(times):
        breakers.failed(permit, "503", **options)


def let_pass(period: timedelta) -> None:
    Breaker.objects.update(probe_at=F("probe_at") - period, opened_at=F("opened_at") - period)


def is_open() -> bool:
    return Breaker.objects.filter(opened_at__isnull=False).exists()


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    fail(breakers.FAILURES - 1)
    breakers.succeeded(PERMIT)
    fail(breakers.FAILURES - 1)
    assert breakers.admit("sms") == PERMIT
    fail(1)
    with pytest.raises(jobs.Postponed) as postponed:
        breakers.admit("sms")
    assert timedelta(0) < postponed.value.delay <= 3 * breakers.FIRST_WAIT
    assert breakers.admit("email") == breakers.Permit("email")


def test_each_probe_that_fails_doubles_the_wait_up_to_its_bound() -> None:
    fail(breakers.FAILURES)
    waits = []
    for _ in range(8):
        waits.append(Breaker.objects.get().wait_seconds)
        let_pass(breakers.LONGEST_WAIT)
        fail(1, breakers.admit("sms"))
    assert waits == [15, 30, 60, 120, 240, 300, 300, 300]


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_wait() -> None:
    fail(breakers.FAILURES + 10)
    assert Breaker.objects.get().wait_seconds == breakers.FIRST_WAIT.total_seconds()


def test_a_probe_that_succeeds_closes_it() -> None:
    fail(breakers.FAILURES)
    let_pass(breakers.FIRST_WAIT)
    breakers.succeeded(breakers.admit("sms"))
    assert not is_open()
    assert breakers.admit("sms") == PERMIT


def test_a_probe_nobody_hears_of_is_followed_by_another() -> None:
    fail(breakers.FAILURES)
    let_pass(breakers.FIRST_WAIT)
    assert breakers.admit("sms").is_probe
    with pytest.raises(jobs.Postponed):
        breakers.admit("sms")
    let_pass(breakers.PROBE_TIME)
    assert breakers.admit("sms").is_probe


@pytest.mark.parametrize(
    ("asked_for", "kept"),
    [(timedelta(minutes=20), timedelta(minutes=20)), (timedelta(days=9), breakers.LONGEST_PAUSE)],
)
def test_a_pause_that_was_asked_for_opens_it_at_once(asked_for: timedelta, kept: timedelta) -> None:
    fail(1, retry_after=asked_for)
    let_pass(kept - timedelta(minutes=1))
    with pytest.raises(jobs.Postponed):
        breakers.admit("sms")
    let_pass(timedelta(minutes=1))
    assert breakers.admit("sms").is_probe


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_the_probe() -> None:
    fail(breakers.FAILURES)
    let_pass(breakers.FIRST_WAIT)

    def admit() -> str:
        try:
            return str(breakers.admit("sms").is_probe)
        except jobs.Postponed:
            return "postponed"

    assert sorted(map(str, race(admit, times=12))) == ["True"] + ["postponed"] * 11


@pytest.mark.django_db(transaction=True)
def test_failures_of_many_at_once_are_all_counted() -> None:
    race(lambda: fail(1), times=12)
    assert Breaker.objects.get().failures == 12
    assert is_open()


def test_operators_see_it_and_are_alerted() -> None:
    fail(breakers.FAILURES)
    let_pass(timedelta(minutes=6))
    alerts.check()
    episode = AlertEpisode.objects.get(rule="breaker_open_seconds")
    assert alerts.sentence(episode).startswith("A provider has been out for 3")
    [sample] = [
        sample
        for metric in metrics.LedgerCollector().collect()
        for sample in metric.samples
        if sample.name == "civiclens_breaker_open_seconds"
    ]
    assert sample.labels == {"breaker": "sms"}
    assert 360 <= sample.value < 1000


def test_an_operator_resets_it_and_that_is_recorded(client: Client) -> None:
    fail(breakers.FAILURES)
    operator = make_user(is_staff=True, is_superuser=True)
    client.force_login(operator, backend="accounts.backends.StaffBackend")
    page = client.get("/admin/jobs/breaker/").content.decode()
    assert "sms" in page
    assert "503" in page
    client.post("/admin/jobs/breaker/", {"action": "reset", "_selected_action": ["sms"]})
    assert not is_open()
    event = AuditEvent.objects.get(event="breaker.reset")
    assert (event.actor_id, event.subject) == (operator.id, "breaker:sms")
    assert actions.reset_breaker("sms", by=operator.id) is False


def test_staff_without_the_right_only_look(client: Client) -> None:
    fail(breakers.FAILURES)
    staff = make_user(is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_breaker"))
    client.force_login(staff, backend="accounts.backends.StaffBackend")
    assert client.get("/admin/jobs/breaker/").status_code == 200
    client.post("/admin/jobs/breaker/", {"action": "reset", "_selected_action": ["sms"]})
    assert is_open()
