"""The first page of the desk: what waits for its reader, and for nobody else."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from desk.today.queue import due_in_words
from jobs.ledger import database
from jobs.models import Task
from reports.models import DuplicatePair, ModerationCase, Report, RoutingRule, Status
from tests.reports.collecting import make_source
from tests.reports.factories import (
    make_crew,
    make_department,
    make_report,
    make_rule,
    make_staff,
)

pytestmark = pytest.mark.django_db
STATEMENTS = 20


def desk_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_due(hours: float, **fields: Any) -> Report:
    """Return an open report that is due in so many hours."""
    return make_report(due_at=database.now() + timedelta(hours=hours), **fields)


def tiles(page: str) -> dict[str, tuple[str, str]]:
    """Return each figure of the page with its list, by its label."""
    shown = r'class="tile [^"]*" href="([^"]*)"><strong>([^<]*)</strong><span>([^<]*)</span>'
    return {
        label: (figure, unescape(address)) for address, figure, label in re.findall(shown, page)
    }


def queue(page: str) -> list[str]:
    """Return the titles of the queue, in its order."""
    return re.findall(r'<th scope="row">\s*<a href="[^"]*">([^<]*)</a>', page)


def test_a_clerk_sees_what_waits_in_their_department_alone() -> None:
    streets, parks = make_department("streets"), make_department("parks")
    late = make_due(-30, title="Late hole", department=streets)
    make_due(5, title="Hole due soon", department=streets)
    make_due(-50, title="Late bench", department=parks)
    other = make_report(department=parks, published_at=None)
    pair = DuplicatePair(earlier=late, later=make_report(department=streets), probability=0.9)
    hidden = DuplicatePair(earlier=other, later=make_report(department=parks), probability=0.9)
    DuplicatePair.objects.bulk_create([pair, hidden])
    for report in (late, other):
        ModerationCase.objects.create(report=report, kind="report", subject_id=report.pk)
    page = desk_of(make_staff(streets)).get("/admin/").content.decode()
    figures = {label: figure for label, (figure, _) in tiles(page).items()}
    assert figures == {
        "Overdue": "1",
        "Due within 24 hours": "1",
        "First answer late": "0",
        "Nobody works on it": "3",
        "Said not to be fixed": "0",
        "To moderate": "1",
        "Likely duplicates": "1",
        "Suggestions from outside": "0",
    }
    assert "1 open report is overdue." in " ".join(page.split())
    assert "bench" not in page


def test_each_figure_leads_to_a_list_of_as_many(client: Client) -> None:
    user = make_staff(is_superuser=True)
    first = make_due(-30)
    make_due(5, status=Status.REOPENED, assignee=user)
    make_report(response_due_at=database.now() - timedelta(hours=1))
    DuplicatePair.objects.create(earlier=first, later=make_report(), probability=0.9)
    ModerationCase.objects.create(report=first, kind="report", subject_id=first.pk)
    make_source(address="https://a.example", failures=3)
    make_source(address="https://b.example")
    Task.objects.create(actor="probe", queue="default", state="dead")
    client.force_login(user)
    shown = tiles(client.get("/admin/").content.decode())
    assert shown["Failing sources"][0] == shown["Dead letters"][0] == "1"
    for label, (figure, address) in shown.items():
        if label != "Broken routing rules":
            assert client.get(address).context["cl"].result_count == int(figure), label


def test_the_queue_holds_ones_own_reports_then_those_of_nobody() -> None:
    streets, parks = make_department("streets"), make_department("parks")
    clerk, colleague = make_staff(streets), make_staff(streets)
    crew = make_crew(department=streets)
    crew.members.add(clerk)
    make_due(-9, title="Of nobody, late", department=streets)
    make_report(title="Of nobody, without a deadline", department=streets)
    make_due(-90, title="Of a colleague", department=streets, assignee=colleague)
    make_due(-99, title="Of another department", department=parks)
    make_due(8, title="Of my crew", department=streets, crew=crew)
    make_due(5, title="Mine", department=streets, assignee=clerk)
    make_due(2, title="Mine, in a department that I left", department=parks, assignee=clerk)
    make_due(1, title="Mine, done", department=streets, assignee=clerk, status=Status.RESOLVED)
    page = desk_of(clerk).get("/admin/").content.decode()
    assert queue(page) == [
        "Mine",
        "Of my crew",
        "Of nobody, late",
        "Of nobody, without a deadline",
    ]
    address = next(iter(re.findall(r'href="([^"]*)">All that are mine', page)))
    whole = desk_of(clerk).get(unescape(address)).context["cl"].result_list
    assert [report.title for report in whole] == ["Mine", "Of my crew"]
    everywhere = desk_of(make_staff(is_superuser=True)).get("/admin/").content.decode()
    assert queue(everywhere)[:2] == ["Of another department", "Of nobody, late"]


def test_broken_rules_are_counted_for_those_who_may_mend_them() -> None:
    make_rule("Sound", department=make_department())
    broken = make_rule("Broken", department=make_department())
    RoutingRule.objects.filter(pk=broken.pk).update(times={"mon-fri": "at night"})
    page = desk_of(make_staff(is_superuser=True)).get("/admin/").content.decode()
    assert tiles(page)["Broken routing rules"] == ("1", "/admin/reports/routingrule/")
    assert (
        "Broken routing rules"
        not in desk_of(make_staff(make_department())).get("/admin/").content.decode()
    )


def test_an_operator_sees_dead_letters_and_no_reports() -> None:
    make_due(-30)
    Task.objects.create(actor="probe", queue="default", state="dead")
    operator = make_staff()
    operator.user_permissions.set(Permission.objects.filter(codename="view_task"))
    page = desk_of(operator).get("/admin/").content.decode()
    assert tiles(page) == {"Dead letters": ("1", "/admin/jobs/task/?state__exact=dead")}
    assert "Deep hole" not in page


def test_new_reports_are_counted_by_hour() -> None:
    for minutes in (0, 0, 90, 60 * 40):
        make_report(created_at=database.now() - timedelta(minutes=minutes))
    page = desk_of(make_staff(make_department())).get("/admin/").content.decode()
    assert "3 in a day" in page
    rows = re.findall(r"<tr><td>[A-Z][a-z]{2} \d\d:\d\d</td><td>(\d+)</td></tr>", page)
    assert len(rows) == 24
    assert sum(map(int, rows)) == 3


def test_deadlines_in_words() -> None:
    now = database.now()
    assert due_in_words(None, now) == "no deadline"
    assert due_in_words(now - timedelta(hours=30), now) == "1\xa0day overdue"
    assert due_in_words(now + timedelta(hours=3), now) == "in 3\xa0hours"


def test_the_page_asks_few_questions() -> None:
    departments = [make_department(slug) for slug in ("streets", "parks", "water")]
    for department in departments:
        make_due(-3, department=department)
        make_due(-3, department=department)
    for user in (make_staff(*departments), make_staff(is_superuser=True)):
        desk = desk_of(user)
        desk.get("/admin/")
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert desk.get("/admin/").status_code == 200
        assert len(asked) <= STATEMENTS
