"""New citizens are told about their own reports, within the day's limit, with a link that works."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from jobs.testing import run_tasks
from notifications.actors import notify_user
from notifications.checks import check_providers
from notifications.models import Delivery
from tests.accounts.factories import bearer, make_user
from tests.notifications.conftest import Messages
from tests.reports.factories import make_category, make_report

pytestmark = pytest.mark.django_db
REPORT = {"title": "Lamp out", "description": "Dark", "latitude": 41.3, "longitude": -72.9}


def tell(user: User, template: str = "report_received", **context: str) -> None:
    with transaction.atomic():
        key = f"{template}:{uuid4()}"
        notify_user.send(str(user.pk), template, {"report_id": "7", "title": "L"} | context, key)
    run_tasks()


def test_a_citizen_who_signed_in_by_phone_hears_of_their_report(
    sent_messages: Messages, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://city.example.org"
    make_category()
    user = User.objects.create(phone="+12025550123")
    answer = APIClient().post("/api/v1/reports/", REPORT, format="json", headers=bearer(user))
    run_tasks(raise_errors=False)
    (message,) = sent_messages()
    link = f"https://city.example.org/reports/{answer.json()['id']}"
    assert (message["channel"], message["to"]) == ("sms", user.phone)
    assert message["body"].endswith(link)


def test_the_link_leads_to_the_report(client: APIClient) -> None:
    report = make_report()
    answer = client.get(f"/reports/{report.pk}", follow=True)
    assert (answer.status_code, answer.json()["id"]) == (200, str(report.pk))


def test_who_says_otherwise_hears_nothing(sent_messages: Messages) -> None:
    user = make_user()
    answer = APIClient().patch(
        "/api/v1/users/me", {"wants_report_sms": False}, format="json", headers=bearer(user)
    )
    assert (answer.status_code, answer.json()["wants_report_sms"]) == (200, False)
    tell(user)
    assert sent_messages() == []


@pytest.mark.parametrize("template", ["new_matches", "job_ended"])
def test_other_messages_come_by_sms_only_if_wanted(sent_messages: Messages, template: str) -> None:
    tell(make_user(), template)
    assert sent_messages() == []
    tell(make_user(wants_sms=True), template)
    (message,) = sent_messages()
    assert "https://localhost/" in message["body"]


def test_a_citizen_gets_so_many_sms_a_day_and_the_rest_say_why(
    sent_messages: Messages, settings: Any
) -> None:
    settings.SMS_PER_CITIZEN_DAY = 3
    user = make_user()
    for _ in range(5):
        tell(user)
    tell(make_user())
    assert len(sent_messages()) == 4
    skipped = Delivery.objects.filter(status="skipped")
    assert list(skipped.values_list("error")) == [("The day's limit of messages is reached.",)] * 2


def test_all_citizens_together_get_so_many(sent_messages: Messages, settings: Any) -> None:
    settings.SMS_PER_DAY = 2
    for _ in range(3):
        tell(make_user())
    assert len(sent_messages()) == 2


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_what_was_stored_before_the_rule_is_sent_as_it_is_seen(
    sent_messages: Messages, channel: str
) -> None:
    report = make_report()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE reports_report SET title = %s WHERE id = %s",
            ("La\u202emp\u200b\x1b[31m\r\nBcc: all", report.pk),
        )
    report.refresh_from_db()
    assert "\u202e" in report.title
    verified_at = timezone.now() if channel == "email" else None
    tell(make_user(email="a@example.org", email_verified_at=verified_at), title=report.title)
    (message,) = sent_messages()
    if channel == "sms":
        assert 'your report "Lamp Bcc: all" has arrived' in message["body"]
    else:
        assert message["subject"] == "We have your report: Lamp Bcc: all"
    assert not {"\u202e", "\u200b", "\x1b", "\r"} & set(message["subject"] + message["body"])


@pytest.mark.parametrize(
    ("url", "faults"),
    [
        ("https://city.example.org", []),
        ("https://city.example.org:8443", []),
        ("http://127.0.0.1:8000", []),
        ("", ["E004"]),
        ("city.example.org", ["E004"]),
        ("http://city.example.org", ["E004"]),
        ("https://city.example.org/app", ["E004"]),
        ("https://city.example.org?x=1", ["E004"]),
        ("https://[city", ["E004"]),
        ("javascript:alert(1)", ["E004"]),
        ("https://other.example.org", ["E005"]),
    ],
)
def test_the_address_of_links_is_checked_at_start(
    settings: Any, url: str, faults: list[str]
) -> None:
    settings.PUBLIC_URL = url
    settings.ALLOWED_HOSTS = ["city.example.org", "127.0.0.1"]
    found = [str(message.id) for message in check_providers()]
    assert [one.removeprefix("notifications.") for one in found if one[-1] in "45"] == faults
