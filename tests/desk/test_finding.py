"""The search box of the desk: what it finds, and for whom."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User
from jobs.models import Task
from tests.matching.factories import make_opportunity
from tests.reports.factories import make_department, make_report, make_staff, make_user

pytestmark = pytest.mark.django_db
STATEMENTS = 20


def desk_of(user: User, *permissions: str) -> Client:
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def answers(client: Client, words: str) -> dict[str, list[str]]:
    """Return what the box shows: the names of the answers under each heading."""
    answer = client.get("/admin/find/answers/", {"q": words})
    assert answer.status_code == 200
    groups = answer.content.decode().split("<section>")[1:]
    return {
        re.findall(r"<h2>(.*?)</h2>", group)[0]: re.findall(r"<strong>(.*?)</strong>", group)
        for group in groups
    }


def test_a_clerk_finds_the_reports_of_their_department_alone() -> None:
    streets, parks = make_department("streets"), make_department("parks")
    mine = make_report(title="Deep hole in Elm Street", department=streets)
    other = make_report(title="Hole under the swing", department=parks)
    make_report(
        title="Imported", description="", department=streets, source="311", external_id="A-4711"
    )
    make_opportunity(title="Fill the hole")
    make_user(name="Holerich Hole")
    clerk = desk_of(make_staff(streets))
    assert answers(clerk, "hole") == {"Reports": ["Deep hole in Elm Street"]}
    assert answers(clerk, str(mine.pk)) == {"Reports": ["Deep hole in Elm Street"]}
    assert answers(clerk, str(mine.pk)[:20])["Reports"] == ["Deep hole in Elm Street"]
    assert answers(clerk, str(other.pk)) == {}
    assert answers(clerk, "A-4711") == {"Reports": ["Imported"]}


def test_a_phone_number_that_leads_to_nobody_says_why(settings: Any) -> None:
    settings.PHONE_DEFAULT_REGION = ""
    clerk, manager = desk_of(make_staff(make_department())), desk_of(make_staff(), "view_user")
    for path in ("/admin/find/", "/admin/find/answers/"):
        refused = clerk.get(path, {"q": "(203) 555-0134"}).content.decode()
        assert "you may not look up people." in refused
        assert "country&#x27;s code" in manager.get(path, {"q": "(203) 555-0134"}).content.decode()
        assert "country" not in manager.get(path, {"q": "+1 203 555 0134"}).content.decode()
        assert "look up people" not in clerk.get(path, {"q": "a hole"}).content.decode()


def test_a_number_leads_to_its_page() -> None:
    report = make_report()
    desk = desk_of(make_staff(is_superuser=True))
    answer = desk.get("/admin/find/", {"q": str(report.pk)})
    assert answer.headers["Location"] == f"/admin/reports/report/{report.pk}/change/"
    task = Task.objects.create(actor="probe", queue="default")
    assert answers(desk, f"#{task.pk}") == {"Tasks": ["probe"]}
    answer = desk.get("/admin/find/", {"q": str(task.pk)})
    assert answer.headers["Location"] == f"/admin/jobs/task/{task.pk}/change/"


def test_people_are_found_by_those_who_may_see_them_and_each_look_up_is_recorded() -> None:
    anna = make_user(name="Anna Miller", email="anna@example.org")
    clerk = make_staff(make_department())
    assert answers(desk_of(clerk), anna.phone) == answers(desk_of(clerk), "Anna Miller") == {}
    desk = desk_of(clerk, "view_user")
    spelled = f"+1 ({anna.phone[2:5]}) {anna.phone[5:8]}-{anna.phone[8:]}"
    for words in (anna.phone, spelled, "anna", "mill ann", "anna@example.org"):
        assert answers(desk, words).get("People") == ["Anna Miller"], words
    page = desk.get("/admin/find/", {"q": spelled}).content.decode()
    assert anna.phone not in page
    assert f"+1*******{anna.phone[-3:]}" in page
    [event] = AuditEvent.objects.filter(event="user.looked_up")
    assert (event.actor_id, event.subject) == (clerk.pk, f"user:{anna.pk}")


def test_pages_and_settings_are_found_by_name_and_purpose() -> None:
    desk = desk_of(make_staff(), "view_category", "view_task")
    assert answers(desk, "categ") == {"Pages and settings": ["Categories"]}
    assert answers(desk, "deadlines") == {"Pages and settings": ["Categories"]}
    assert "Jobs" in answers(desk, "jobs")["Pages and settings"]
    assert answers(desk, "routing") == {}


def test_opportunities_are_found_by_those_who_may_see_them() -> None:
    make_opportunity(title="Paint the old bridge")
    assert answers(desk_of(make_staff()), "bridge") == {}
    desk = desk_of(make_staff(), "view_opportunity")
    assert answers(desk, "bridge") == {"Opportunities": ["Paint the old bridge"]}


@pytest.mark.parametrize("words", ["", " ", "a", "'", "🕳", "x" * 9_000, "& | ! ( )", "-" * 40])
def test_any_text_can_be_searched_for(words: str) -> None:
    desk = desk_of(make_staff(is_superuser=True))
    assert desk.get("/admin/find/", {"q": words}).status_code == 200
    assert desk.get("/admin/find/answers/", {"q": words}).status_code == 200


def test_answers_are_escaped_and_not_kept() -> None:
    make_report(title="<script>hole</script>")
    answer = desk_of(make_staff(is_superuser=True)).get("/admin/find/answers/", {"q": "hole"})
    assert b"<script>hole" not in answer.content
    assert "no-store" in answer.headers["Cache-Control"]
    assert Client().get("/admin/find/answers/", {"q": "hole"}).status_code == 302


def test_a_search_asks_few_questions() -> None:
    make_report(title="Hole")
    for _ in range(8):
        make_user(name="Hole")
    desk = desk_of(make_staff(is_superuser=True))
    answers(desk, "deep")
    with CaptureQueriesContext(connection) as asked:
        assert len(answers(desk, "hol")["People"]) == 6
    assert len(asked) <= STATEMENTS
