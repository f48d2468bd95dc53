"""Other work of staff in a browser: a plan for crews, a dead letter, and what stays hidden."""

from __future__ import annotations

from itertools import count
from uuid import uuid4

import pytest
from django.db import transaction
from dramatiq import get_broker
from playwright.sync_api import Page, expect

from accounts.models import User
from jobs.execution import attempts
from jobs.execution.declaration import LedgerActor
from jobs.models import Task
from reports.actors import process_photo
from reports.models import Department, Report
from tests.desk.browser import Desk, screenshot
from tests.reports.dispatching import next_monday
from tests.reports.factories import make_crew, make_department, make_report, make_staff

pytestmark = pytest.mark.browser
_numbers = count(1)


@pytest.fixture
def office(desk: Desk) -> Department:
    """A department of the test's own."""
    return make_department(f"quay-{next(_numbers)}", name="Quay Office")


@pytest.fixture
def clerk(office: Department) -> User:
    return make_staff(office, name="Flora Quay")


def run(task: Task) -> None:
    """Run a task as a worker does."""
    actor = get_broker().get_actor(task.actor)
    assert isinstance(actor, LedgerActor)
    attempts.run(actor, task.id, uuid4())


def test_a_plan_for_crews_is_started_applied_and_undone(
    desk: Desk, clerk: User, office: Department
) -> None:
    crew = make_crew("Quay crew", office)
    report = make_report(title="Loose bollard", department=office, status="triaged")
    with desk.page(clerk) as page:
        page.goto("/admin/reports/dispatchplan/start/")
        page.get_by_label("Department").select_option(office.slug)
        page.get_by_label("Day").fill(next_monday().isoformat())
        page.get_by_text("How to search").click()
        page.get_by_label("Rounds of the search").fill("1")
        page.get_by_role("button", name="Plan", exact=True).click()
        page.get_by_text("Queued").wait_for()
        run(Task.objects.get(job_type="optimization", created_by=clerk.pk))
        page.get_by_role("button", name="Apply").click()
        page.get_by_text("1 assigned.").wait_for()
        screenshot(page, "applied")
        assert Report.objects.get(pk=report.pk).crew == crew
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("1 taken back.").wait_for()
        assert Report.objects.get(pk=report.pk).crew is None


def test_a_dead_letter_is_replayed_from_its_page(desk: Desk) -> None:
    operator = User.objects.create_superuser(f"+1203555{7000 + next(_numbers)}", name="Otto")
    with transaction.atomic():
        message = process_photo.send(str(uuid4()))
    Task.objects.filter(pk=message.message_id).update(state="dead")
    with desk.page(operator) as page:
        page.goto(f"/admin/jobs/task/{message.message_id}/change/")
        expect(page.locator(".task-head .state")).to_have_text("Dead")
        page.get_by_role("button", name="Replay").click()
        expect(page.locator(".task-head .state")).to_have_text("Queued")
    assert Task.objects.get(pk=message.message_id).state == "queued"


def test_staff_of_a_department_see_its_reports_alone(
    desk: Desk, clerk: User, office: Department
) -> None:
    mine = make_report(title="Cracked quay wall", department=office)
    other = make_report(title="Cracked sluice gate", department=make_department(f"lock-{uuid4()}"))
    with desk.page(clerk, refusals=(404,)) as page:
        for address in ("/admin/", "/admin/reports/report/", "/admin/find/?q=cracked"):
            page.goto(address)
            expect(page.get_by_role("link", name=mine.title).first).to_be_visible()
            assert other.title not in text_of(page)
        page.goto(f"/admin/reports/report/{other.pk}/change/")
        assert other.title not in text_of(page)
        for refused in (f"/admin/triage/{other.pk}/", f"/admin/map/around/{other.pk}/"):
            answer = page.goto(refused)
            assert answer is not None
            assert answer.status == 404
        entries = page.request.get("/admin/").text()
        assert "/admin/accounts/user/" not in entries
        assert "/admin/jobs/task/" not in entries


def text_of(page: Page) -> str:
    return page.locator("body").inner_text()
