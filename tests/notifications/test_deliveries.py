"""Who is told, by which way, how often."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.test import Client
from django.utils import timezone

from accounts.models import User
from jobs.models import Task
from jobs.testing import assert_sent, run_tasks
from notifications import deliveries
from notifications.actors import deliver_notification, notify_user
from notifications.channels import Message
from notifications.errors import ChannelError
from notifications.models import Delivery
from tests.accounts.factories import make_user
from tests.accounts.racing import race
from tests.notifications.conftest import Messages

CONTEXT = {"report_id": "7", "title": "Lamp <out> & dark"}


def tell(
    user: User, event_key: str = "report:7:received", template: str = "report_received"
) -> None:
    with transaction.atomic():
        notify_user.send(str(user.id), template, CONTEXT, event_key)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("facts", "channel"),
    [
        ({"email": "ada@example.org", "email_verified_at": timezone.now()}, "email"),
        (
            {"email": "ada@example.org", "email_verified_at": timezone.now(), "wants_sms": True},
            "email",
        ),
        ({"email": "ada@example.org", "wants_sms": True}, "sms"),
        ({"wants_sms": True}, "sms"),
        ({"email": "ada@example.org"}, "sms"),
        ({}, "sms"),
        ({"wants_report_sms": False}, None),
        ({"wants_sms": True, "is_active": False}, None),
    ],
)
def test_email_if_verified_else_sms_if_wanted_else_nothing(
    sent_messages: Messages, facts: dict[str, Any], channel: str | None
) -> None:
    user = make_user(**facts)
    tell(user)
    run_tasks()
    address = {"email": user.email, "sms": user.phone, None: None}[channel]
    assert [(message["channel"], message["to"]) for message in sent_messages()] == [
        (channel, address)
    ] * bool(channel)
    assert list(Delivery.objects.values_list("channel", "status")) == [(channel, "sent")] * bool(
        channel
    )


@pytest.mark.django_db
def test_a_delivery_keeps_its_outcome_and_no_address(sent_messages: Messages) -> None:
    user = make_user(wants_sms=True)
    tell(user)
    run_tasks()
    delivery = Delivery.objects.get()
    task = assert_sent(deliver_notification, str(delivery.pk))
    assert (delivery.status, delivery.provider_id) == ("sent", str(task.id))
    assert delivery.finished_at is not None
    assert user.phone not in str(Delivery.objects.values().get())
    assert user.phone not in str(list(Task.objects.values("args", "kwargs", "result")))


@pytest.mark.django_db
def test_text_is_not_escaped(sent_messages: Messages) -> None:
    user = make_user(email="ada@example.org", email_verified_at=timezone.now())
    tell(user)
    run_tasks()
    (message,) = sent_messages()
    assert message["subject"] == "We have your report: Lamp <out> & dark"
    assert "Lamp <out> & dark" in message["body"]


@pytest.mark.django_db
@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_status_change_is_told_with_its_note(sent_messages: Messages, channel: str) -> None:
    verified_at = timezone.now() if channel == "email" else None
    user = make_user(wants_sms=True, email="ada@example.org", email_verified_at=verified_at)
    with transaction.atomic():
        context = CONTEXT | {"status": "In progress", "note": "Crew on its way\r\nBcc: all"}
        notify_user.send(str(user.id), "report_status_changed", context, "report:7:status:1")
    run_tasks()
    (message,) = sent_messages()
    assert "in progress" in message["body"]
    assert "Crew on its way" in message["body"]
    assert "\n" not in message["subject"]


@pytest.mark.django_db
def test_an_event_is_told_once(sent_messages: Messages) -> None:
    user = make_user(wants_sms=True)
    for _ in range(3):
        tell(user)
        run_tasks()
    tell(user, event_key="report:7:other")
    run_tasks()
    assert len(sent_messages()) == 2


@pytest.mark.django_db(transaction=True)
def test_of_equal_events_at_once_one_becomes_a_delivery() -> None:
    user = make_user(wants_sms=True)

    def prepare() -> int:
        with transaction.atomic():
            return len(deliveries.prepare(user.id, "report_received", CONTEXT, event_key="same"))

    assert sorted(map(str, race(prepare, times=12))) == ["0"] * 11 + ["1"]
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
def test_a_message_goes_its_way_although_a_better_one_opened_meanwhile(
    sent_messages: Messages,
) -> None:
    user = make_user(wants_sms=True, email="ada@example.org")
    with transaction.atomic():
        (delivery,) = deliveries.prepare(user.id, "report_received", CONTEXT, event_key="once")
        deliver_notification.send(str(delivery.pk))
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    run_tasks()
    assert [message["channel"] for message in sent_messages()] == ["sms"]


@pytest.mark.django_db
def test_an_unknown_user_is_told_nothing() -> None:
    assert deliveries.prepare(uuid4(), "report_received", CONTEXT, event_key="x") == []


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"wants_report_sms": False}, {"is_active": False}])
def test_a_wish_withdrawn_before_sending_is_honoured(
    sent_messages: Messages, change: dict[str, Any]
) -> None:
    user = make_user(wants_sms=True)
    deliveries.prepare(user.id, "report_received", CONTEXT, event_key="x")
    User.objects.update(**change)
    with transaction.atomic():
        deliver_notification.send(str(Delivery.objects.get().pk))
    run_tasks()
    assert Delivery.objects.get().status == "skipped"
    assert sent_messages() == []


@pytest.mark.django_db
def test_a_deleted_user_is_skipped_and_the_delivery_stays(sent_messages: Messages) -> None:
    user = make_user(wants_sms=True)
    deliveries.prepare(user.id, "report_received", CONTEXT, event_key="x")
    user.delete()
    assert deliveries.deliver(str(Delivery.objects.get().pk), idempotency_key="k") == {
        "status": "skipped"
    }


class Refusal:
    """A channel that fails as told, then works."""

    def __init__(self, *errors: ChannelError) -> None:
        self.errors, self.keys = list(errors), list[str]()

    def __call__(self, message: Message, *, idempotency_key: str) -> str:
        self.keys.append(idempotency_key)
        if self.errors:
            raise self.errors.pop(0)
        return "provider-1"


refusal = Refusal()


@pytest.mark.django_db
def test_a_passing_failure_is_tried_again_with_the_same_key(settings: Any) -> None:
    settings.NOTIFICATION_CHANNELS = {"sms": f"{__name__}.refusal"}
    refusal.__init__(ChannelError("busy", permanent=False))  # type: ignore[misc]
    tell(make_user(wants_sms=True))
    run_tasks(raise_errors=False)
    assert Task.objects.get(actor="deliver_notification").state == "retrying"
    assert Delivery.objects.get().status == "queued"
    run_tasks(until_delay=False)
    assert (Delivery.objects.get().status, Delivery.objects.get().provider_id) == (
        "sent",
        "provider-1",
    )
    assert refusal.keys == [str(Task.objects.get(actor="deliver_notification").id)] * 2


@pytest.mark.django_db
def test_a_permanent_failure_is_an_outcome(settings: Any) -> None:
    settings.NOTIFICATION_CHANNELS = {"sms": f"{__name__}.refusal"}
    refusal.__init__(ChannelError("no such number", permanent=True))  # type: ignore[misc]
    tell(make_user(wants_sms=True))
    run_tasks()
    assert (Delivery.objects.get().status, Delivery.objects.get().error) == (
        "failed",
        "no such number",
    )
    assert Task.objects.get(actor="deliver_notification").state == "succeeded"


@pytest.mark.django_db
def test_a_missing_template_is_an_error_for_the_operator() -> None:
    tell(make_user(wants_sms=True), template="no_such_template")
    with pytest.raises(TemplateDoesNotExist):
        run_tasks()


@pytest.mark.django_db
def test_the_admin_lists_deliveries_without_a_query_a_row(
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(12):
        user = make_user(wants_sms=True)
        deliveries.prepare(user.id, "report_received", CONTEXT, event_key=str(number))
    client = Client()
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    with django_assert_max_num_queries(8):
        assert client.get("/admin/notifications/delivery/").status_code == 200
    page = client.get(f"/admin/notifications/delivery/{Delivery.objects.all()[0].pk}/change/")
    assert page.status_code == 200
    assert b"_save" not in page.content
