"""Messages to those who act: the person a report is assigned to, and the department it came to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from jobs.ledger import database
from jobs.testing import run_tasks
from notifications.channels import mailbox
from notifications.models import Delivery
from reports.actors import route_report
from reports.models import Department, Notice, Report, Status
from reports.routing import assignment
from reports.workflow import staff_messages, undoing
from reports.workflow.actors import message_staff
from tests.accounts.racing import race
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_crew,
    make_department,
    make_report,
    make_staff,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
OFFICE = "streets@example.org"


@pytest.fixture(autouse=True)
def _outbox(settings: Any) -> None:
    """Let emails go through the real channel to `mail.outbox`."""
    channels = {"email": "notifications.channels.email.send"}
    settings.NOTIFICATION_CHANNELS = settings.NOTIFICATION_CHANNELS | channels


@pytest.fixture
def streets() -> Department:
    return make_department(email=OFFICE, is_emailed=True)


def colleague(department: Department | None = None, **fields: Any) -> User:
    """A member of staff whom emails reach."""
    user = make_staff(department or make_department(), **fields)
    User.objects.filter(pk=user.pk).update(
        email=f"{user.pk}@example.org", email_verified_at=database.now()
    )
    return User.objects.get(pk=user.pk)


def take(client: Any, report: Report, step: str, **body: Any) -> None:
    answer = client.post(f"/api/v1/reports/{report.pk}/steps/", {"step": step, **body})
    assert answer.status_code == 200, answer.content


def assign(client: Any, report: Report, to: User) -> None:
    take(client, report, "assign", assignee=str(to.pk))


def round_of_messages() -> list[Any]:
    """Send what waits; return the emails of this round."""
    before = len(mail.outbox)
    with transaction.atomic():
        message_staff.send()
    run_tasks()
    return mail.outbox[before:]


def later(period: timedelta) -> None:
    """Let time pass for what waits and for what was sent."""
    for notice in Notice.objects.all():
        notice.at -= period
        notice.sent_at = notice.sent_at and notice.sent_at - period
        notice.save()


# --- The person -----------------------------------------------------------------------------------


def test_whoever_gets_a_report_assigned_is_told_once(as_user: SignIn) -> None:
    clerk, worker = make_staff(make_department()), colleague()
    report = make_report(address="Mill Lane 5")
    assign(as_user(clerk), report, worker)
    assert mail.outbox == []  # never within the request
    [message] = round_of_messages()
    assert message.to == [worker.email]
    assert message.subject == "Assigned to you: Deep hole"
    assert "Mill Lane 5" in message.body
    assert message.body.count(f"/admin/reports/report/{report.pk}/change/") == 1
    later(timedelta(hours=1))
    assert round_of_messages() == []
    assert not Notice.objects.exists()


def test_nobody_is_told_of_what_they_assign_to_themselves(as_user: SignIn) -> None:
    worker = colleague()
    assign(as_user(worker), make_report(), worker)
    assert round_of_messages() == []


def test_a_crew_is_not_a_person(as_user: SignIn) -> None:
    crew = make_crew()
    crew.members.add(colleague())
    take(as_user(make_staff(make_department())), make_report(), "assign", crew=crew.pk)
    assert round_of_messages() == []


def test_the_message_goes_where_its_recipient_wants_it(as_user: SignIn) -> None:
    clerk = as_user(make_staff(make_department()))
    texter, unreachable = (
        make_staff(make_department(), wants_sms=True),
        make_staff(make_department()),
    )
    assign(clerk, make_report(), texter)
    assign(clerk, make_report(), unreachable)
    assert round_of_messages() == []
    [text] = mailbox.newest(1)
    assert text["to"] == texter.phone
    assert '"Deep hole" is assigned to you.' in text["body"]


def test_many_at_once_are_one_message(as_user: SignIn) -> None:
    clerk, worker = as_user(make_staff(make_department())), colleague()
    for number in range(40):
        assign(clerk, make_report(title=f"Hole {number}"), worker)
    [message] = round_of_messages()
    assert message.subject == "40 reports are assigned to you"
    assert message.body.count("/change/") == 30
    assert "… and 10 more" in message.body
    assert "/admin/reports/report/?assigned=mine" in message.body


def test_bulk_steps_are_one_message_to_each(as_user: SignIn) -> None:
    clerk, worker = as_user(make_staff(make_department())), colleague()
    reports = [make_report(title=f"Hole {number}") for number in range(3)]
    body = {"step": "assign", "assignee": str(worker.pk)}
    answer = clerk.post(
        "/api/v1/reports/bulk-steps/", body | {"reports": [{"id": str(one.pk)} for one in reports]}
    )
    assert answer.status_code == 200, answer.content
    [message] = round_of_messages()
    assert message.subject == "3 reports are assigned to you"


def test_further_ones_wait_until_the_pause_has_passed(as_user: SignIn, settings: Any) -> None:
    clerk, worker = as_user(make_staff(make_department())), colleague()
    assign(clerk, make_report(title="First"), worker)
    assert len(round_of_messages()) == 1
    assign(clerk, make_report(title="Second"), worker)
    assign(clerk, make_report(title="Third"), worker)
    assert round_of_messages() == []
    later(timedelta(minutes=settings.STAFF_MESSAGE_PAUSE_MINUTES))
    [message] = round_of_messages()
    assert message.subject == "2 reports are assigned to you"


def test_what_was_undone_or_taken_away_meanwhile_is_not_named(
    as_user: SignIn, settings: Any
) -> None:
    settings.STEP_MESSAGE_GRACE_SECONDS = 30
    clerk, worker, other = make_staff(make_department()), colleague(), colleague()
    undone, given_away, done, kept = (make_report(title=f"Hole {n}") for n in range(4))
    for report in (undone, given_away, done, kept):
        assign(as_user(clerk), report, worker)
    assert round_of_messages() == []  # each step can still be undone
    undoing.undo(Report.objects.get(pk=undone.pk), by=clerk, roles=frozenset({"clerk"}))
    assign(as_user(clerk), given_away, other)
    take(as_user(worker), done, "resolve")
    later(timedelta(seconds=30))
    messages = {message.to[0]: message for message in round_of_messages()}
    assert messages[worker.email].subject == "Assigned to you: Hole 3"
    assert messages[other.email].subject == "Assigned to you: Hole 1"
    assert len(messages) == 2


def test_a_report_that_comes_back_before_the_message_is_named_once(as_user: SignIn) -> None:
    clerk, worker, other = as_user(make_staff(make_department())), colleague(), colleague()
    report = make_report()
    for person in (worker, other, worker):
        assign(clerk, report, person)
    [message] = round_of_messages()
    assert message.to == [worker.email]
    assert message.subject == "Assigned to you: Deep hole"


@pytest.mark.django_db(transaction=True)
def test_two_rounds_at_once_send_one_message(as_user: SignIn) -> None:
    clerk, worker = as_user(make_staff(make_department())), colleague()
    for _ in range(5):
        assign(clerk, make_report(), worker)

    race(lambda: staff_messages.send_all(transaction.atomic), times=2)
    assert Delivery.objects.filter(template="reports_assigned").count() == 1


# --- The department -------------------------------------------------------------------------------


def test_a_department_is_told_of_a_report_that_is_routed_to_it(streets: Department) -> None:
    category = make_category(department=streets)
    report = make_report(
        status=Status.NEW, department=None, category=category, category_source="reporter"
    )
    with transaction.atomic():
        route_report.send(str(report.pk))
    run_tasks()
    [message] = round_of_messages()
    assert (message.to, message.subject) == ([OFFICE], "New for Streets: Deep hole")
    with transaction.atomic():
        route_report.send(str(report.pk))
    run_tasks()
    later(timedelta(hours=1))
    assert round_of_messages() == []


def test_a_department_is_told_of_what_is_handed_over_to_it(
    as_user: SignIn, streets: Department
) -> None:
    parks = make_department("parks")
    report = make_report(department=parks)
    take(
        as_user(make_staff(parks)), report, "hand_over", department="streets", note="It is a road."
    )
    [message] = round_of_messages()
    assert message.to == [OFFICE]


def test_a_department_is_told_of_what_a_clerk_sends_to_it(streets: Department) -> None:
    parks = make_department("parks")
    by_department, by_category = make_report(department=parks), make_report(department=parks)
    clerk = make_staff(parks)
    assignment.revise(by_department, {"department": streets}, by=clerk)
    assignment.revise(by_category, {"category": make_category(department=streets)}, by=clerk)
    [message] = round_of_messages()
    assert message.subject == "2 new reports for Streets"
    assert f"/admin/reports/report/?department__id__exact={streets.pk}" in message.body


def test_a_department_that_does_not_want_it_or_lost_the_report_is_not_told(
    streets: Department,
) -> None:
    parks = make_department("parks", email="parks@example.org")
    moved, back = make_report(department=streets), make_report(department=parks)
    clerk = make_staff(streets, parks)
    assignment.revise(moved, {"department": parks}, by=clerk)
    assignment.revise(back, {"department": streets}, by=clerk)
    assignment.revise(back, {"department": parks}, by=clerk)
    assert round_of_messages() == []


def test_old_imported_and_closed_reports_are_not_news(streets: Department) -> None:
    category = make_category(department=streets)
    for fields in ({"is_live": False}, {"status": Status.CLOSED}):
        report = make_report(
            **{"status": Status.NEW, "department": None, "category": category, **fields}
        )
        assignment.route(str(report.pk))
    assert round_of_messages() == []


def test_the_office_of_the_department_above_stands_in(streets: Department) -> None:
    roads = make_department("roads", parent=streets, is_emailed=True)
    report = make_report(department=make_department("parks"))
    assignment.revise(report, {"department": roads}, by=make_staff(roads))
    [message] = round_of_messages()
    assert (message.to, message.subject) == ([OFFICE], "New for Roads: Deep hole")


def test_an_address_that_was_removed_gets_nothing_and_the_round_goes_on(
    as_user: SignIn, streets: Department
) -> None:
    worker = colleague(streets)
    report = make_report(department=make_department("parks"))
    assignment.revise(report, {"department": streets}, by=worker)
    assign(as_user(make_staff(streets)), report, worker)
    Department.objects.update(email="")
    [message] = round_of_messages()
    assert message.to == [worker.email]


def test_a_department_without_any_address_cannot_ask_for_messages() -> None:
    department = make_department("parks")
    department.is_emailed = True
    with pytest.raises(ValidationError, match="email address"):
        department.full_clean()
