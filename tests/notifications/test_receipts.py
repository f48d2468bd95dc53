"""What the SMS provider says became of its messages: believed once, whenever, however often and
from whom it may.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from jobs.testing import run_tasks
from notifications import deliveries, receipts
from notifications.actors import deliver_notification, prune_receipts
from notifications.models import Delivery, Receipt
from tests.accounts.factories import make_access, make_user
from tests.accounts.racing import race

URL = "/api/v1/notifications/receipts/"
TOKEN = "the token of the provider"


def post(body: Any, *, authorization: str = f"Bearer {TOKEN}", url: str = URL) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body)
    return Client().post(
        url, content, content_type="application/json", headers={"authorization": authorization}
    )


def queued(user: User | None = None, event_key: str = "x") -> str:
    [delivery] = deliveries.prepare(
        (user or make_user(wants_sms=True)).pk,
        "report_received",
        {"report_id": "7", "title": "T"},
        event_key=event_key,
    )
    return str(delivery.pk)


def record(delivery_id: str, provider_id: str = "m-1") -> None:
    with transaction.atomic():
        deliveries.record_outcome(delivery_id, {"status": "sent", "provider_id": provider_id})


def sent(provider_id: str = "m-1", **facts: Any) -> Delivery:
    record(queued(event_key=provider_id), provider_id)
    Delivery.objects.filter(provider_id=provider_id).update(**facts)
    return Delivery.objects.get(provider_id=provider_id)


@pytest.mark.django_db
@pytest.mark.parametrize("url", [URL, URL.rstrip("/")])
@pytest.mark.parametrize(
    ("told", "status"), [("delivered", "delivered"), ("failed", "undelivered")]
)
def test_a_sent_message_ends_as_its_receipt_says(url: str, told: str, status: str) -> None:
    delivery = sent()
    answer = post({"id": "m-1", "status": told, "error": "absent"}, url=url)
    assert (answer.status_code, answer.content) == (204, b"")
    before = delivery.finished_at
    delivery.refresh_from_db()
    assert (delivery.status, delivery.error, delivery.finished_at) == (status, "absent", before)


@pytest.mark.django_db
def test_the_first_receipt_counts_and_later_ones_change_nothing() -> None:
    delivery = sent()
    bodies = [
        {"id": "m-1", "status": "delivered"},
        {"id": "m-1", "status": "delivered"},
        {"id": "m-1", "status": "failed", "error": "absent"},
    ]
    assert [post(body).status_code for body in bodies] == [204] * 3
    delivery.refresh_from_db()
    assert (delivery.status, delivery.error) == ("delivered", "")
    assert Receipt.objects.values_list("provider_id", "status", "error").get() == (
        "m-1",
        "delivered",
        "",
    )


@pytest.mark.django_db
def test_an_unknown_id_is_answered_alike_and_told_when_its_delivery_is_recorded() -> None:
    delivery = queued()
    unknown = post({"id": "m-1", "status": "delivered"})
    sent("m-2")
    known = post({"id": "m-2", "status": "delivered"})
    assert (
        (unknown.status_code, unknown.content) == (known.status_code, known.content) == (204, b"")
    )
    assert Delivery.objects.get(pk=delivery).status == "queued"
    record(delivery)
    assert Delivery.objects.get(pk=delivery).status == "delivered"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "facts",
    [{"status": "failed"}, {"status": "skipped"}, {"status": "queued"}, {"channel": "email"}],
)
def test_a_receipt_changes_messages_that_were_sent_by_sms_alone(facts: dict[str, str]) -> None:
    delivery = sent(**facts)
    assert post({"id": "m-1", "status": "delivered"}).status_code == 204
    before = delivery.status
    delivery.refresh_from_db()
    assert delivery.status == before


@pytest.mark.django_db
def test_a_receipt_that_overtook_the_sending_task_is_applied_when_it_ends() -> None:
    delivery = queued()
    with transaction.atomic():
        task = deliver_notification.send(delivery)
    post({"id": task.message_id, "status": "delivered"})
    run_tasks()
    assert Delivery.objects.get().status == "delivered"


# --- at the same time ----------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_eight_receipts_at_once_have_one_effect() -> None:
    delivery = sent()
    answers = race(lambda: post({"id": "m-1", "status": "delivered"}).status_code, times=8)
    assert answers == [204] * 8
    delivery.refresh_from_db()
    assert delivery.status == "delivered"
    assert Receipt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_contradicting_receipts_at_once_one_is_believed_throughout() -> None:
    delivery = sent()
    told = [partial(receipts.receive, "m-1", status) for status in ["delivered", "failed"] * 4]
    assert race(taking_turns(*told), times=8) == [None] * 8
    delivery.refresh_from_db()
    assert Receipt.objects.get().outcome == delivery.status


def taking_turns(*actions: Callable[[], None]) -> Callable[[], None]:
    """Each call does the next of the actions."""
    left = iter(actions)

    def act() -> None:
        next(left)()

    return act


@contextmanager
def held_back(action: Callable[[], None]) -> Iterator[threading.Thread]:
    """`action`, begun on another connection, is not through while the block's own transaction is
    open.
    """

    def run() -> None:
        try:
            action()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        yield thread
        thread.start()
        thread.join(0.4)
        assert thread.is_alive()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_a_receipt_that_comes_while_the_outcome_is_being_recorded_waits_for_it() -> None:
    delivery = queued()
    with held_back(lambda: receipts.receive("m-1", "delivered")):
        deliveries.record_outcome(delivery, {"status": "sent", "provider_id": "m-1"})
    assert Delivery.objects.get().status == "delivered"


@pytest.mark.django_db(transaction=True)
def test_an_outcome_recorded_while_its_receipt_is_being_taken_waits_for_it() -> None:
    delivery = queued()
    with held_back(lambda: record(delivery)):
        receipts.receive("m-1", "failed", error="absent")
    assert Delivery.objects.values_list("status", "error").get() == ("undelivered", "absent")


@pytest.mark.django_db(transaction=True)
def test_whoever_is_first_of_a_receipt_and_the_outcome_none_is_lost() -> None:
    user = make_user(wants_sms=True)
    for number in range(20):
        delivery = queued(user, event_key=str(number))
        race(
            taking_turns(
                partial(record, delivery, delivery),
                partial(receipts.receive, delivery, "delivered"),
            ),
            times=2,
        )
    assert list(Delivery.objects.values_list("status", flat=True)) == ["delivered"] * 20


# --- from whom and what --------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        "Bearer ä",
        "Bearer " * 900,
    ],
)
def test_who_does_not_know_the_token_is_refused(authorization: str) -> None:
    sent()
    answer = post({"id": "m-1", "status": "delivered"}, authorization=authorization)
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert not Receipt.objects.exists()


@pytest.mark.django_db
def test_a_users_token_and_session_are_not_the_providers() -> None:
    staff = make_user(is_staff=True, is_superuser=True)
    assert (
        post(
            {"id": "m-1", "status": "delivered"}, authorization=f"Bearer {make_access(staff)}"
        ).status_code
        == 401
    )
    client = Client()
    client.force_login(staff, backend="accounts.backends.StaffBackend")
    assert (
        client.post(
            URL, {"id": "m-1", "status": "delivered"}, content_type="application/json"
        ).status_code
        == 401
    )


@pytest.mark.django_db
@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer", f"Bearer {TOKEN}"])
def test_without_a_token_there_is_nothing_at_the_address(settings: Any, authorization: str) -> None:
    settings.SMS_RECEIPT_TOKEN = ""
    answer = post({"id": "m-1", "status": "delivered"}, authorization=authorization)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id": "m-1", "status": "delivered", "status": "failed"}',
        b'{"id": "a\\u0000b", "status": "delivered"}',
        b'{"id": "\\ud800", "status": "delivered"}',
        {},
        {"id": "m-1"},
        {"status": "delivered"},
        {"id": "", "status": "delivered"},
        {"id": None, "status": "delivered"},
        {"id": 1, "status": "delivered"},
        {"id": True, "status": "delivered"},
        {"id": ["m-1"], "status": "delivered"},
        {"id": "m" * 201, "status": "delivered"},
        {"id": "m-1", "status": "sent"},
        {"id": "m-1", "status": "Delivered"},
        {"id": "m-1", "status": True},
        {"id": "m-1", "status": ["delivered"]},
        {"id": "m-1", "status": {"a": 1}},
        {"id": "m-1", "status": "failed", "error": "x" * 501},
        {"id": "m-1", "status": "failed", "error": 5},
        {"id": "m-1", "status": "failed", "error": None},
        {"id": "m-1", "status": "delivered", "user": "x"},
    ],
)
def test_what_is_no_receipt_is_refused(body: Any) -> None:
    answer = post(body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert not Receipt.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "strange", ["'; DROP TABLE x; --", " m 1 ", "é" * 200, "%s%(a)s", "../..", "\u202e\n"]
)
def test_any_text_may_be_an_id(strange: str) -> None:
    delivery = sent(strange)
    assert post({"id": strange, "status": "failed", "error": "x" * 500}).status_code == 204
    delivery.refresh_from_db()
    assert (delivery.status, delivery.error) == ("undelivered", "x" * 500)


@pytest.mark.django_db
def test_other_methods_are_refused() -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = Client().generic(method, URL, headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 405


# --- afterwards ----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_receipts_past_their_retention_are_deleted_in_batches_and_nothing_else(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.JOBS_RETENTION_DAYS = 7
    monkeypatch.setattr(receipts, "PRUNE_BATCH_RECEIPTS", 2)
    sent("old-0")
    for number in range(5):
        receipts.receive(f"old-{number}", "delivered")
    Receipt.objects.update(received_at=timezone.now() - timedelta(days=8))
    receipts.receive("new", "delivered")
    assert receipts.prune() == 2
    with transaction.atomic():
        prune_receipts.send()
    run_tasks()
    assert Receipt.objects.get().provider_id == "new"
    assert Delivery.objects.get().status == "delivered"
    receipts.receive("old-0", "failed")
    assert Delivery.objects.get().status == "delivered"


@pytest.mark.django_db
def test_a_receipt_finds_its_message_by_an_index() -> None:
    sent()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        query = Delivery.objects.filter(provider_id="m-1", channel="sms", status="sent")
        assert "notifications_delivery_sent" in query.explain()


@pytest.mark.django_db
def test_the_admin_lists_receipts_to_be_read() -> None:
    receipts.receive("m-1", "failed", error="absent")
    client = Client()
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    page = client.get("/admin/notifications/receipt/?q=m-1")
    assert page.status_code == 200
    assert b"absent" in page.content
    assert (
        b"_save"
        not in client.get(
            f"/admin/notifications/receipt/{Receipt.objects.get().pk}/change/"
        ).content
    )
    assert client.get("/admin/notifications/receipt/add/").status_code == 403
    assert client.get("/admin/notifications/delivery/?status__exact=undelivered").status_code == 200
