"""Messages live through an outage of their provider, and show how they ended when they did not."""

from __future__ import annotations

from datetime import timedelta
from email.message import Message as Headers
from email.utils import format_datetime
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

import jobs
from accounts.models import User
from jobs.execution import breakers, mirrors
from jobs.http.pauses import retry_after
from jobs.models import Attempt, Breaker, Task
from jobs.operations import actions
from jobs.testing import advance, run_tasks
from notifications import channels
from notifications.actors import notify_user
from notifications.channels import Message
from notifications.errors import ChannelError
from notifications.models import Delivery
from tests.accounts.factories import make_user

pytestmark = pytest.mark.django_db


class Provider:
    """A channel that is away for as long as a test says."""

    def __init__(self) -> None:
        self.error: ChannelError | None = None
        self.calls = 0
        self.sent: list[Message] = []

    def __call__(self, message: Message, *, idempotency_key: str) -> str:
        self.calls += 1
        if self.error:
            raise self.error
        self.sent.append(message)
        return idempotency_key


provider = Provider()
AWAY = ChannelError("The SMS provider answered 503.", permanent=False)


@pytest.fixture(autouse=True)
def channel(settings: Any) -> Provider:
    provider.__init__()  # type: ignore[misc]
    settings.NOTIFICATION_CHANNELS = dict.fromkeys(("sms", "email"), f"{__name__}.provider")
    return provider


def tell(*users: User) -> None:
    with transaction.atomic():
        for user in users:
            context = {"report_id": "7", "title": "Lamp", "path": "/reports/7"}
            notify_user.send(str(user.pk), "report_received", context, f"report:7:{user.pk}")


def let_pass(period: timedelta) -> None:
    """Let `period` pass for tasks and breakers."""
    advance(period)
    Breaker.objects.update(probe_at=F("probe_at") - period, opened_at=F("opened_at") - period)


def live_through(outage: timedelta, step: timedelta = timedelta(hours=1)) -> None:
    for _ in range(outage // step):
        run_tasks(raise_errors=False)
        let_pass(step)


def test_messages_live_through_a_day_and_cost_few_attempts(channel: Provider) -> None:
    channel.error = AWAY
    tell(*(make_user() for _ in range(4)))
    live_through(timedelta(hours=24))
    assert list(Delivery.objects.values_list("status").distinct()) == [("queued",)]
    assert channel.calls < 4 * 10  # 59 attempts of each without a breaker
    channel.error = None
    live_through(timedelta(hours=2))
    assert Delivery.objects.filter(status="sent").count() == len(channel.sent) == 4


def test_an_attempt_that_the_breaker_postpones_is_none(channel: Provider) -> None:
    breakers.failed(breakers.Permit("sms"), "503", retry_after=timedelta(hours=1))
    tell(make_user())
    run_tasks()
    task = Task.objects.get(actor="deliver_notification")
    assert (task.state, task.attempt, channel.calls) == ("retrying", 0, 0)
    assert task.run_at > timezone.now() + timedelta(minutes=50)
    assert not Attempt.objects.exists()


def test_a_message_that_nobody_can_send_for_two_days_ends_expired(channel: Provider) -> None:
    channel.error = AWAY
    tell(make_user())
    live_through(timedelta(hours=60), timedelta(hours=4))
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.finished_at is not None) == ("expired", True)
    assert "503" in delivery.error
    assert Task.objects.get(actor="deliver_notification").state == "cancelled"


def test_a_dead_message_shows_its_end_and_a_replay_its_second_life(channel: Provider) -> None:
    channel.error = AWAY
    tell(make_user())
    run_tasks(raise_errors=False)
    task = Task.objects.get(actor="deliver_notification")
    Task.objects.filter(pk=task.pk).update(max_attempts=1)
    Attempt.objects.all().delete()
    advance(timedelta(minutes=1))
    run_tasks(raise_errors=False)
    run_tasks()
    assert Task.objects.get(pk=task.pk).state == "dead"
    assert Delivery.objects.get().status == "failed"
    assert "503" in Delivery.objects.get().error
    actions.replay([task.pk], by=None)
    Task.objects.filter(pk=task.pk).update(max_attempts=5)
    mirror = Task.objects.get(actor="mirror_state", state="queued")
    with transaction.atomic():
        mirrors.show(mirror.args[0])
    assert Delivery.objects.get().status == "queued"
    channel.error = None
    run_tasks()
    assert Delivery.objects.get().status == "sent"


def test_a_late_mirror_never_hides_a_success(channel: Provider) -> None:
    tell(make_user())
    run_tasks()
    task = Task.objects.get(actor="deliver_notification")
    mirrors.show(str(task.pk))
    assert Delivery.objects.get().status == "sent"


@pytest.mark.parametrize("action", ["cancel", "discard"])
def test_an_operator_who_gives_a_message_up_is_seen(channel: Provider, action: str) -> None:
    channel.error = AWAY
    tell(make_user())
    run_tasks(raise_errors=False)
    task = Task.objects.get(actor="deliver_notification")
    if action == "discard":
        Task.objects.filter(pk=task.pk).update(state="dead")
    getattr(actions, action)([task.pk], by=None)
    run_tasks()
    assert Delivery.objects.get().status == "cancelled"


def test_the_pause_a_provider_asks_for_is_kept(channel: Provider) -> None:
    channel.error = ChannelError("429", permanent=False, retry_after=timedelta(minutes=40))
    tell(make_user())
    run_tasks(raise_errors=False)
    task = Task.objects.get(actor="deliver_notification")
    assert task.run_at > timezone.now() + timedelta(minutes=39)
    with pytest.raises(jobs.Postponed):
        channels.send("sms", Message("+1", "", "x"), idempotency_key="other")


def test_a_code_is_tried_though_the_provider_is_known_to_be_out(channel: Provider) -> None:
    breakers.failed(breakers.Permit("sms"), "503", retry_after=timedelta(hours=1))
    channels.send("sms", Message("+1", "", "123456"), idempotency_key="x", is_urgent=True)
    assert channel.calls == 1
    assert not Breaker.objects.filter(opened_at__isnull=False).exists()  # it was a probe, too


def test_a_refused_number_says_nothing_about_the_provider(channel: Provider) -> None:
    channel.error = ChannelError("no such number", permanent=True)
    for _ in range(breakers.FAILURES + 1):
        with pytest.raises(ChannelError):
            channels.send("sms", Message("+1", "", "x"), idempotency_key="x")
    assert not Breaker.objects.filter(opened_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "120"}, timedelta(seconds=120)),
        ({"Retry-After": "9" * 400}, timedelta(days=1)),
        ({"Retry-After": "0"}, timedelta()),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "٣"}, None),
        ({}, None),
        (
            {
                "Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT",
                "Date": "Fri, 31 Dec 1999 23:29:59 GMT",
            },
            timedelta(minutes=30),
        ),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, timedelta()),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, timedelta(days=1)),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(
    headers: dict[str, str], pause: timedelta | None
) -> None:
    answer: Headers[str, str] = Headers()
    for name, value in headers.items():
        answer[name] = value
    assert retry_after(answer) == pause


def test_retry_after_as_a_date_without_one_of_the_answer() -> None:
    answer: Headers[str, str] = Headers()
    answer["Retry-After"] = format_datetime(timezone.now() + timedelta(minutes=10), usegmt=True)
    pause = retry_after(answer)
    assert pause is not None
    assert timedelta(minutes=9) < pause <= timedelta(minutes=10)
