"""Messages to anonymous reporters: how they end, and how the contact details are deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from jobs.testing import run_tasks
from notifications.actors import notify_contact
from notifications.models import Delivery
from reports.following import contacts, unsubscribing
from reports.following.contacts import Contact
from reports.models import (
    ModerationCase,
    Report,
    ReportContact,
    Status,
    hash_tracking_token,
)
from reports.workflow import transitions
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_department,
    make_report,
    make_staff,
    make_user,
    new_report,
)

pytestmark = pytest.mark.django_db
TOKEN = "t" * 43
EMAIL = "ann@example.org"
QUEUE = "/api/v1/moderation/"


def anonymous_report(**fields: Any) -> Report:
    """An anonymous report whose sender left an address."""
    report = make_report(tracking_token_hash=hash_tracking_token(TOKEN), **fields)
    contacts.keep(report, Contact(name="Ann", email=EMAIL))
    return report


def url_of(report: Report) -> str:
    return f"/api/v1/reports/{report.pk}/contact/"


def desk_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


def erasures() -> list[tuple[str, Any, str]]:
    run_tasks()
    events = AuditEvent.objects.filter(event="report.contact_erased")
    return [(one.subject, one.actor_id, one.data["role"]) for one in events]


@pytest.fixture
def emails(settings: Any) -> list[Any]:
    """What was sent by the channel of production."""
    channel = {"email": "notifications.channels.email.send"}
    settings.NOTIFICATION_CHANNELS = settings.NOTIFICATION_CHANNELS | channel
    return mail.outbox


def test_every_email_ends_its_messages_with_one_tap(
    api: APIClient, emails: list[Any], settings: Any
) -> None:
    make_category()
    body = new_report(category="pothole", contact={"email": EMAIL})
    report = Report.objects.get(pk=api.post("/api/v1/reports/", body).data["id"])
    run_tasks()
    report.refresh_from_db()
    staff = make_staff(make_department())
    transitions.change_status(report, to=Status.IN_PROGRESS, by=staff)
    transitions.change_status(report, to=Status.RESOLVED, by=staff)
    run_tasks(until_delay=False)
    assert len(emails) == 3
    addresses = set()
    for message in emails:
        address = message.extra_headers["List-Unsubscribe"].strip("<>")
        assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert address in message.body
        addresses.add(address)
    [address] = addresses
    assert not [one for one in Delivery.objects.all() if "unsubscribe_path" in one.context]

    path, client = address.removeprefix(settings.PUBLIC_URL), Client(enforce_csrf_checks=True)
    page = client.get(path)
    assert "This deletes the contact details" in page.text
    assert page["Referrer-Policy"] == "no-referrer"
    assert client.head(path).status_code == 200
    assert ReportContact.objects.filter(report=report).exists()  # scanners open every link
    done = client.post(path, {"List-Unsubscribe": "One-Click"})
    assert "Your contact details were deleted" in done.text
    assert not ReportContact.objects.exists()
    assert client.post(path).status_code == 200
    assert erasures() == [(f"report:{report.pk}", None, "reporter")]
    transitions.change_status(report, to=Status.IN_PROGRESS, by=staff)
    run_tasks(until_delay=False)
    assert len(emails) == 3


def test_a_message_on_its_way_is_not_sent_after_the_link(emails: list[Any]) -> None:
    report = anonymous_report()
    transitions.change_status(report, to=Status.IN_PROGRESS, by=make_staff(make_department()))
    Client().post(unsubscribing.path_for_contact(report.pk))
    run_tasks(until_delay=False)
    assert emails == []


def test_messages_to_offices_have_no_such_link(emails: list[Any]) -> None:
    department = make_department(email="office@example.org")
    with transaction.atomic():
        notify_contact(f"department:{department.pk}", "report_received", {"title": "x"}, "event")
    run_tasks()
    [message] = emails
    assert "List-Unsubscribe" not in message.extra_headers
    assert "No more messages" not in message.body


def test_the_link_of_one_report_leaves_others_alone() -> None:
    first, second = anonymous_report(), make_report()
    contacts.keep(second, Contact(email=EMAIL))
    Client().post(unsubscribing.path_for_contact(first.pk))
    assert list(ReportContact.objects.values_list("report", flat=True)) == [second.pk]


def test_whoever_holds_the_token_deletes_them(api: APIClient) -> None:
    report = anonymous_report()
    for _ in range(2):
        answer = api.delete(url_of(report), headers={"X-Tracking-Token": TOKEN})
        assert answer.status_code == 204, answer.content
    assert not ReportContact.objects.exists()
    assert erasures() == [(f"report:{report.pk}", None, "reporter")]


def test_staff_of_the_department_delete_them(as_user: SignIn) -> None:
    report, staff = anonymous_report(), make_staff(make_department())
    assert as_user(staff).delete(url_of(report)).status_code == 204
    assert not ReportContact.objects.exists()
    assert erasures() == [(f"report:{report.pk}", staff.pk, "clerk")]


def test_nobody_else_does(api: APIClient, as_user: SignIn) -> None:
    report = anonymous_report()
    parks = make_staff(make_department("parks"))
    assert api.delete(url_of(report)).status_code == 403
    assert api.delete(url_of(report), headers={"X-Tracking-Token": "x"}).status_code == 403
    for user in (make_user(), parks):
        assert as_user(user).delete(url_of(report)).status_code == 403
    Report.objects.update(published_at=None)
    assert as_user(make_user()).delete(url_of(report)).status_code == 404
    assert ReportContact.objects.exists()
    assert erasures() == []


def test_the_desk_has_a_button_for_it() -> None:
    report, staff = anonymous_report(), make_staff(make_department())
    page = f"/admin/reports/report/{report.pk}/change/"
    button = f"/admin/reports/report/{report.pk}/erase-contact/"
    client = desk_of(staff)
    shown = client.get(page).text
    assert "Delete the contact details" in shown
    assert EMAIL not in shown
    assert client.get(button).status_code == 405
    assert desk_of(make_staff(make_department("parks"))).post(button).status_code == 404
    assert ReportContact.objects.exists()
    assert "were deleted" in client.post(button, follow=True).text
    assert not ReportContact.objects.exists()
    assert "Delete the contact details" not in client.get(page).text
    assert "no contact details any more" in client.post(button, follow=True).text
    assert erasures() == [(f"report:{report.pk}", staff.pk, "clerk")]


@pytest.mark.parametrize(
    ("decision", "outcome"), [("approve", "public now"), ("reject", "Advertising or spam")]
)
def test_anonymous_reporters_hear_of_decisions_about_what_they_wrote(
    api: APIClient, as_user: SignIn, emails: list[Any], decision: str, outcome: str
) -> None:
    """About the report, and about a comment written with its token; others' do not concern them."""
    department = make_department()
    sent = api.post("/api/v1/reports/", new_report(contact={"email": EMAIL}))
    report = Report.objects.get(pk=sent.data["id"])
    # A report that is done cannot be rejected any more, so no step informs its reporter.
    Report.objects.update(department=department, status=Status.CLOSED)
    comments = f"/api/v1/reports/{report.pk}/comments/"
    token = {"X-Tracking-Token": sent.data["tracking_token"]}
    assert api.post(comments, {"text": "Still there."}, headers=token).status_code == 201
    run_tasks()
    emails.clear()
    for case in ModerationCase.objects.order_by("kind"):
        body = {"reason": "spam"} if decision == "reject" else {}
        answer = as_user(make_staff(department)).post(f"{QUEUE}{case.pk}/{decision}/", body)
        assert answer.status_code == 200, answer.content
    run_tasks()
    assert [one.to for one in emails] == [[EMAIL], [EMAIL]]
    assert [one.body.split(" ")[1] for one in emails] == ["comment", "report"]
    assert all(outcome in one.body and "No more messages" in one.body for one in emails)
