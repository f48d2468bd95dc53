"""Triage in a browser: a clerk signs in with a code and works through a line of reports by keys."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page

from accounts.models import User
from reports.models import Category, Department, DuplicatePair, Merge, Report, Status
from tests.desk.browser import Desk, sign_in, violations
from tests.reports.factories import make_department, make_report, make_staff

pytestmark = pytest.mark.browser
LINE = 11
_numbers = count(1)


@pytest.fixture
def office(desk: Desk) -> Department:
    """A department of the test's own, whose line nobody else fills."""
    return make_department(f"harbor-{next(_numbers)}", name="Harbor Office")


@pytest.fixture
def clerk(office: Department) -> User:
    return make_staff(office, name="Tess Keys")


@pytest.fixture
def line(office: Department) -> list[Report]:
    """New reports of which the machine thinks the right thing, without being sure."""
    category = Category.objects.filter(is_active=True).order_by("slug")[0]
    reasons = [{"phrase": "a hole in the road", "report_id": None, "similarity": 0.7}]
    suggestion = {"category": category.slug, "confidence": 0.33, "reasons": reasons}
    return [
        make_report(
            title=f"Hole number {number}",
            department=office,
            status=Status.NEW,
            category=category,
            category_source="classifier",
            category_confidence=0.33,
            category_suggestions=[suggestion],
            latitude=41.3 + number / 500,
        )
        for number in range(LINE)
    ]


def title(page: Page) -> str:
    return page.locator(".triage-title h2").inner_text()


def press(page: Page, key: str) -> str:
    """Press a key; return the title of the card that follows."""
    before = title(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('.triage-title h2')?.innerText !== before", arg=before
    )
    return title(page)


def wait_for_status(page: Page, text: str) -> None:
    page.locator("#triage-status", has_text=text).wait_for()


def test_ten_reports_are_triaged_by_ten_keys_one_is_merged_undone_and_resolved(
    desk: Desk, clerk: User, office: Department, line: list[Report]
) -> None:
    original = make_report(title="The first hole", department=office)
    last = line[-1]
    DuplicatePair.objects.create(
        earlier=last, later=original, probability=0.9, reasons=["Both are holes."]
    )
    with desk.page() as page:
        sign_in(page, clerk)
        page.goto("/admin/triage/")
        page.locator(".triage-card").wait_for()
        started, keys = time.monotonic(), 0
        for _ in line[:-1]:
            press(page, "1")
            keys += 1
        seconds = (time.monotonic() - started) / keys
        print(f"triage: {keys / (LINE - 1):.1f} keys and {seconds * 1000:.0f} ms a report")
        assert title(page) == last.title
        faults = violations(page, name="triage")
        assert faults == [], faults

        page.keyboard.press("d")
        wait_for_status(page, "Merged into “The first hole”")
        assert Merge.objects.standing().get(duplicate=last).original == original
        page.keyboard.press("z")
        wait_for_status(page, "Undone: Merged into")
        assert title(page) == last.title
        page.get_by_label("Note with the step").fill("Filled on the spot.")
        page.get_by_role("button", name="Mark as resolved").click()
        wait_for_status(page, "Hole number 10")
        page.get_by_role("heading", name="Nothing waits here").wait_for()
    triaged = Report.objects.filter(pk__in=[one.pk for one in line[:-1]])
    assert set(triaged.values_list("status", "category_source")) == {("triaged", "staff")}
    last.refresh_from_db()
    assert last.status == "resolved"
    assert last.history.filter(note="Filled on the spot.", by=clerk).exists()
    assert not Merge.objects.standing().filter(duplicate=last).exists()


def test_a_refused_action_brings_the_report_back_with_what_was_typed(
    desk: Desk, clerk: User, line: list[Report]
) -> None:
    first, second = line[:2]
    with desk.page(clerk, refusals=(412, 403)) as page:
        page.goto(f"/admin/triage/{first.pk}/")
        page.locator(".triage-card").wait_for()
        page.keyboard.press("x")
        dialog = page.locator("#triage-reject")
        dialog.get_by_label("Reason").select_option("private")
        dialog.get_by_label("Note").fill("Behind a fence.")
        Report.objects.filter(pk=first.pk).update(address="Elsewhere")
        dialog.get_by_role("button", name="Reject").click()
        page.get_by_role("alert").get_by_text("Somebody changed this report meanwhile").wait_for()
        assert title(page) == first.title
        page.get_by_role("button", name="Show it as it is now").click()
        page.get_by_text("Elsewhere").wait_for()
        page.keyboard.press("x")
        assert dialog.get_by_label("Note").input_value() == "Behind a fence."
        dialog.get_by_role("button", name="Reject").click()
        wait_for_status(page, first.title)
        page.locator(".triage-title h2", has_text=second.title).wait_for()
        page.context.clear_cookies()
        page.keyboard.press("1")
        page.get_by_role("alert").get_by_text("Your session has ended").wait_for()
        assert title(page) == second.title
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("rejected", "new")


def test_all_that_was_done_while_the_session_had_ended_is_sent_again(
    desk: Desk, clerk: User, line: list[Report]
) -> None:
    first, second = line[:2]
    with desk.page(clerk, refusals=(403,)) as page:
        page.goto(f"/admin/triage/{first.pk}/")
        page.locator(".triage-card").wait_for()
        page.wait_for_load_state("networkidle")  # the next cards are there
        cookies: Any = page.context.cookies()
        page.context.clear_cookies()
        reject(page, "Behind a fence.")
        refusal = page.get_by_role("alert").get_by_text("Your session has ended")
        refusal.wait_for()
        assert press(page, "j") == second.title
        with page.expect_response("**/step/"):
            reject(page, "In a garden.")
        page.context.add_cookies(cookies)  # as by signing in beside it
        page.get_by_role("button", name="Try again").click()
        wait_for_status(page, second.title)
        refusal.wait_for(state="hidden")
    for report, note in ((first, "Behind a fence."), (second, "In a garden.")):
        assert report.history.filter(to_status="rejected", note=note, by=clerk).exists()


def reject(page: Page, note: str) -> None:
    """Reject the report that is shown, as a matter of private ground."""
    page.keyboard.press("x")
    dialog = page.locator("#triage-reject")
    dialog.get_by_label("Reason").select_option("private")
    dialog.get_by_label("Note").fill(note)
    dialog.get_by_role("button", name="Reject").click()
