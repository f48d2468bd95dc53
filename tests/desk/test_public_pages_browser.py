"""The public pages in a browser, in the demo city whose server the desk's tests run."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from reports.models import Report
from tests.desk.browser import LOOKS, Desk, violations

pytestmark = pytest.mark.browser


def test_a_citizen_reports_a_problem_with_a_map(desk: Desk) -> None:
    with desk.page(refusals=(400,)) as page:
        page.goto("/report/")
        page.get_by_role("button", name="Send the report").click()
        expect(page.locator("#faults")).to_be_focused()
        page.goto("/report/")
        _fill(page)
        _leave_and_come_back(page)
        assert violations(page, name="form", looks=LOOKS[:1]) == []
        page.get_by_role("button", name="Send the report").dblclick()
        page.get_by_role("link", name="Open the report").click()
        expect(page.get_by_text("This report is not public.")).to_be_visible()
        assert violations(page, name="own-report", looks=LOOKS[1:]) == []
    report = Report.objects.get(title="Bent sign of the tram")
    assert report.category is not None
    assert report.category.slug == "pothole"


def test_a_report_without_a_connection_is_kept_and_sent_once(desk: Desk) -> None:
    with desk.page(refusals=(400,)) as page:
        page.goto("/")
        page.evaluate("navigator.serviceWorker.ready")
        page.reload()  # under the service worker from the first request on
        page.context.set_offline(True)
        page.goto("/reports/")
        expect(page.get_by_role("heading", name="There is no connection")).to_be_visible()
        page.get_by_role("main").get_by_role("link", name="Report a problem").click()
        page.get_by_label("The problem in a few words").fill("Flooded underpass")
        page.get_by_label("Latitude").fill("41.3083")
        page.get_by_label("Longitude").fill("-72.9279")
        page.get_by_role("button", name="Send the report").click()
        expect(page.get_by_role("heading", name="kept on this device")).to_be_visible()
        assert not Report.objects.filter(title="Flooded underpass").exists()
        page.context.set_offline(False)
        # The worker may be without a connection a moment longer than its page, which tries again.
        refused = page.get_by_role("heading", name="The report was not sent yet")
        expect(refused).to_be_visible(timeout=20_000)
        page.reload()  # what was refused is still there
        expect(page.get_by_label("The problem in a few words")).to_have_value("Flooded underpass")
        page.get_by_label("Details").fill("Knee-deep.")
        page.get_by_role("button", name="Send the report").click()
        expect(page.get_by_role("heading", name="Your report has arrived")).to_be_visible()
        page.goto("/report/kept/send/")
        expect(page.get_by_role("heading", name="Report a problem")).to_be_visible()
        expect(page.locator("[data-kept]")).to_be_hidden()
    assert Report.objects.filter(title="Flooded underpass").count() == 1


def _leave_and_come_back(page: Page) -> None:
    """Open another page and go back: the form is as it was, and still the same report."""
    client_id = page.locator("[name=client_id]").input_value()
    page.goto("/sign-in/")
    page.go_back()
    expect(page.locator("[name=client_id]")).to_have_value(client_id)
    expect(page.get_by_label("Latitude")).not_to_have_value("")
    expect(page.locator(".map-pin")).to_be_visible()
    expect(page.locator("#questions")).not_to_be_empty()


def _fill(page: Page) -> None:
    """Fill the form in, with a place by a click on the map."""
    page.get_by_label("The problem in a few words").fill("Bent sign of the tram")
    page.get_by_label("Details").fill("It leans over the rails.")
    page.locator("[data-map]").click()
    expect(page.get_by_label("Latitude")).not_to_have_value("")
    box, pin = (page.locator(one).bounding_box() for one in ("[data-map]", ".map-pin"))
    assert box is not None
    assert pin is not None
    clicked = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert (pin["x"] + pin["width"] / 2, pin["y"] + pin["height"]) == pytest.approx(clicked, abs=8)
    page.get_by_label("Category").select_option("pothole")
