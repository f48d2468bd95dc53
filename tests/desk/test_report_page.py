"""A report's page at the desk: everything that happened to it, and the way through its list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from jobs.ledger import database
from jobs.models import Task
from notifications.models import Delivery
from reports.conversation import commenting
from reports.models import Photo, Report, StaffNote
from reports.workflow import transitions
from reports.workflow.roles import roles_in
from reports.workflow.transitions import Inputs
from tests.reports.desk import LIST, signed_in
from tests.reports.factories import (
    make_comment,
    make_department,
    make_report,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    return make_staff(make_department(), name="Ana Clerk")


@pytest.fixture
def client(clerk: User) -> Client:
    return signed_in(clerk)


def page_of(client: Client, report: Report, query: str = "") -> str:
    return str(client.get(f"{LIST}{report.pk}/change/{query}").content.decode())


def timeline_of(client: Client, report: Report) -> str:
    headers = {"X-Requested-With": "fetch"}
    return str(client.get(f"{LIST}{report.pk}/timeline/", headers=headers).content.decode())


def test_the_timeline_tells_all_that_happened_the_newest_first(client: Client, clerk: User) -> None:
    report = make_report(reporter=make_user(name="Rosa"), created_at=database.now())
    change = transitions.take(
        report, "start", by=clerk, roles=roles_in(report, clerk), inputs=Inputs(note="On the way.")
    )
    comment = make_comment(report, make_user(name="Carlos"), text="It is deeper now.")
    commenting.note(report, "Ask the foreman.", author=clerk)
    Photo.objects.create(report=report, state="ready")
    Task.objects.create(
        actor="classify_report", queue="default", args=[str(report.pk)], state="dead",
        finished_at=database.now(),
    )  # fmt: skip
    Delivery.objects.create(
        user=report.reporter,
        channel="sms",
        template="report_status_changed",
        event_key=f"report:{report.pk}:status:{change.pk}",
        status="failed",
        error="The number does not exist.",
    )
    Delivery.objects.create(
        user=make_user(name="Follower of it"),
        channel="email",
        template="followed_report_reply",
        event_key=f"comment:{comment.pk}:x",
        status="sent",
    )
    timeline = timeline_of(client, report)
    for text in (
        "Start work: triaged → in progress", "On the way.", "by Ana Clerk", "Reported",
        "It is deeper now.", "Carlos", "Ask the foreman.", "only staff",
        "SMS to the reporter: Failed", "The number does not exist.", "Email to somebody else: Sent",
        "Task classify report: Dead",
        "Photo of the problem: ready",
    ):  # fmt: skip
        assert text in timeline, text
    assert "Follower of it" not in timeline
    assert timeline.index("Ask the foreman.") < timeline.index("Start work")
    assert f"{change.at:%f}"[:3] in timeline


def test_an_edit_is_offered_to_be_undone(client: Client, clerk: User) -> None:
    report = make_report()
    severity = {"severity": "high", "seen": ""}
    form = {name: getattr(report, name) for name in ("title", "description", "latitude")}
    form |= {"longitude": report.longitude, "department": report.department_id} | severity
    client.post(f"{LIST}{report.pk}/change/", form)
    page = page_of(client, report)
    assert "changed: severity" in " ".join(page.split())
    client.post(f"{LIST}{report.pk}/undo/")
    report.refresh_from_db()
    assert report.severity == "medium"
    assert "Undone: " in timeline_of(client, report)


def test_the_next_and_the_previous_report_of_the_list_are_found(client: Client) -> None:
    now = database.now()
    new, middle, old = (make_report(created_at=now - timedelta(hours=one)) for one in range(3))
    make_report(created_at=now - timedelta(minutes=90), severity="low")
    make_report(created_at=now - timedelta(minutes=30), department=make_department("parks"))
    query = "?_changelist_filters=severity__exact%3Dmedium"
    for report, name, expected in (
        (new, "next", middle),
        (middle, "next", old),
        (middle, "previous", new),
        (old, "next", old),
        (new, "previous", new),
    ):
        answer = client.get(f"{LIST}{report.pk}/{name}/{query}")
        assert answer["Location"] == f"{LIST}{expected.pk}/change/{query}"
    assert "This is the end of the list." in page_of(client, old, query)
    by_title = "?_changelist_filters=o%3D1"
    assert client.get(f"{LIST}{new.pk}/next/{by_title}").status_code == 302
    elsewhere = make_report(department=make_department("parks"))
    assert client.get(f"{LIST}{elsewhere.pk}/next/").status_code == 404


def test_the_page_leads_to_triage_and_shows_the_place(client: Client) -> None:
    report = make_report()
    page = page_of(client, report, "?_changelist_filters=severity__exact%3Dmedium")
    assert f"/admin/triage/{report.pk}/?severity__exact=medium" in page
    assert 'data-map="around"' in page


def test_the_page_takes_few_statements_however_much_happened(client: Client, clerk: User) -> None:
    bare, rich = make_report(), make_report(reporter=make_user())
    for number in range(5):
        make_comment(rich, make_user())
        StaffNote.objects.create(report=rich, author=clerk, text=f"Note {number}")
        Photo.objects.create(report=rich, state="ready")
    for show in (page_of, timeline_of):
        counts = []
        for report in (bare, rich):
            show(client, report)
            with CaptureQueriesContext(connection) as queries:
                show(client, report)
            counts.append(len(queries))
        assert counts[1] <= counts[0] + 1, counts
        assert counts[1] <= 20, counts
