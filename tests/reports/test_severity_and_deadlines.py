"""The severity and the deadline that the catalogue's rules give a report."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rest_framework.test import APIClient

from jobs.testing import run_tasks
from reports.catalogue.working_hours import (
    Calendar,
    OpeningHoursInvalid,
    holidays_of,
    parse_week,
)
from reports.models import (
    Category,
    Department,
    Report,
    SeverityRule,
    Status,
)
from reports.routing import assignment
from tests.reports.cataloguing import load
from tests.reports.conftest import SignIn
from tests.reports.factories import (
    make_category,
    make_report,
    make_user,
    new_report,
)

pytestmark = pytest.mark.django_db


def routed(**fields: Any) -> Report:
    """A new report with these fields after its routing."""
    report = make_report(status=Status.NEW, department=None, **fields)
    assignment.route(str(report.pk))
    report.refresh_from_db()
    return report


def test_words_raise_the_severity_and_the_rule_is_named(tmp_path: Path, api: APIClient) -> None:
    load(tmp_path)
    category = Category.objects.get()
    report = routed(
        title="There is a GAS-LEAK!", description="", category=category, category_source="reporter"
    )
    assert (report.severity, report.severity_source, report.severity_rule) == (
        "critical",
        "rule",
        "Gas",
    )
    assert api.get(f"/api/v1/reports/{report.pk}/").json()["severity_rule"] == "Gas"
    for harmless in ("Gasoline leaks", "vegas leak", "A leak of gas"):
        assert routed(title=harmless, description="").severity_rule == ""
    SeverityRule.objects.update(severity="low")
    assert routed(title="gas leak", severity="high").severity == "high"
    SeverityRule.objects.update(severity="critical", is_active=False)
    assert routed(title="gas leak").severity == "medium"


def test_a_report_without_a_severity_has_that_of_its_category(
    tmp_path: Path, as_user: SignIn
) -> None:
    load(tmp_path)
    client = as_user(make_user())
    ids = [
        client.post(
            "/api/v1/reports/",
            new_report(category="pothole", answers={"lane": "left"}, **more),
            headers={"X-Acknowledge-Duplicate": "true"},
        ).json()["id"]
        for more in ({}, {"severity": "medium"}, {"severity": "low"})
    ]
    run_tasks()
    found = [Report.objects.get(pk=pk) for pk in ids]
    assert [report.severity for report in found] == ["high", "medium", "low"]
    assert [report.severity_source for report in found] == ["category", "reporter", "reporter"]


def test_staff_have_the_last_word_on_the_severity(tmp_path: Path) -> None:
    load(tmp_path)
    report = routed(title="gas leak", category=Category.objects.get(), category_source="reporter")
    assignment.revise(report, {"severity": "low"}, by=make_user(is_staff=True))
    assignment.route(str(report.pk))
    report.refresh_from_db()
    assert (report.severity, report.severity_source, report.severity_rule) == ("low", "staff", "")


def test_a_changed_rule_never_moves_an_old_deadline() -> None:
    category = make_category(sla_hours=72)
    old = routed(category=category, category_source="reporter")
    before = old.due_at
    category.sla_hours = 10
    category.save()
    category.refresh_from_db()
    assert category.sla_version == 2
    staff = make_user(is_staff=True)
    assignment.route(str(old.pk))
    assignment.revise(old, {"title": "Renamed"}, by=staff)
    old.refresh_from_db()
    assert (old.due_at, old.sla_hours, old.sla_version) == (before, 72, 1)
    assignment.revise(old, {"severity": "high"}, by=staff)
    old.refresh_from_db()
    assert old.due_at == old.created_at + timedelta(hours=36)
    new = routed(category=category, category_source="reporter")
    assert (new.due_at, new.sla_version) == (new.created_at + timedelta(hours=10), 2)
    category.name = "Hole"
    category.save(update_fields=["name"])
    assert Category.objects.get().sla_version == 2


def test_a_deadline_in_working_hours_skips_nights_weekends_and_holidays(
    tmp_path: Path, settings: Any
) -> None:
    settings.TIME_ZONE = "America/New_York"
    load(tmp_path)
    Department.objects.filter(slug="streets").update(closed_on=[date(2026, 7, 7)])
    report = routed(
        category=Category.objects.get(),
        category_source="reporter",
        severity="medium",
        severity_source="reporter",
        created_at=datetime(2026, 7, 2, 18, 0, tzinfo=UTC),
    )
    # Thursday has 2 hours left; Friday stands in for 4 July; Monday has 8; the city is closed on
    # Tuesday.
    assert report.due_at == datetime(2026, 7, 8, 18, 0, tzinfo=UTC)
    assert report.sla_in_working_hours is True


WEEK = {"mon-fri": "08:00-12:00, 13:00-17:00", "sun": "00:00-24:00"}


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-03-06T16:00-05:00", 1, "2026-03-06T17:00-05:00"),
        ("2026-03-06T11:00-05:00", 2, "2026-03-06T14:00-05:00"),
        ("2026-03-06T12:30-05:00", 0.5, "2026-03-06T13:30-05:00"),
        ("2026-03-06T17:00-05:00", 23, "2026-03-09T00:00-04:00"),  # Sunday has 23 hours
        ("2026-03-06T17:00-05:00", 24, "2026-03-09T09:00-04:00"),
        ("2026-10-30T17:00-04:00", 25, "2026-11-02T00:00-05:00"),  # and here 25
    ],
)
def test_working_hours_are_counted_as_they_pass(start: str, hours: float, end: str) -> None:
    calendar = Calendar(parse_week(WEEK), holidays_of(""), ZoneInfo("America/New_York"))
    assert calendar.after(datetime.fromisoformat(start), hours) == datetime.fromisoformat(end)


def test_a_department_that_never_opens_has_no_deadline_in_working_hours() -> None:
    assert (
        Calendar(parse_week({}), holidays_of(""), UTC).after(datetime(2026, 1, 1, tzinfo=UTC), 1)
        is None
    )


@pytest.mark.parametrize(
    "hours",
    [
        {"mon": "8-17"},
        {"mon": "17:00-08:00"},
        {"mon": "08:00-12:00, 11:00-13:00"},
        {"fri-mon": "08:00-12:00"},
        {"mon": "08:00-12:00", "mon-fri": "08:00-12:00"},
        {"mon": "08:60-12:00"},
    ],
)
def test_opening_hours_that_cannot_be_are_refused(hours: dict[str, str]) -> None:
    with pytest.raises(OpeningHoursInvalid):
        parse_week(hours)
