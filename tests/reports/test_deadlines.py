"""The deadline of the first answer: by its category, its department, or the setting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from reports.catalogue import loading
from reports.errors import CatalogueInvalid
from reports.models import Category, Department, Report, Status
from reports.routing import assignment
from reports.workflow import transitions
from reports.workflow.roles import roles_in
from reports.workflow.transitions import Inputs
from tests.reports.factories import (
    make_area,
    make_category,
    make_department,
    make_report,
    make_rule,
    make_staff,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def routed(**fields: Any) -> Report:
    report = make_report(status=Status.NEW, department=None, **fields)
    assignment.route(str(report.pk))
    report.refresh_from_db()
    return report


def clerk() -> User:
    return make_staff(make_department())


def test_it_is_that_of_the_category_or_of_the_setting_and_never_after_the_repair(
    settings: Any,
) -> None:
    settings.FIRST_RESPONSE_HOURS = 48
    own = make_category("pothole", sla_hours=72, response_hours=8)
    plain, urgent = make_category("tree", sla_hours=72), make_category("gas", sla_hours=4)
    hours = {}
    for category in (own, plain, urgent):
        report = routed(category=category, category_source="reporter")
        assert report.response_due_at is not None
        hours[category.slug] = (report.response_due_at - report.created_at) / HOUR
    assert hours == {"pothole": 8, "tree": 48, "gas": 4}
    severe = routed(category=own, category_source="reporter", severity="high")
    assert severe.response_due_at == severe.created_at + 4 * HOUR


def test_a_changed_rule_moves_no_old_deadline_and_is_a_new_version() -> None:
    category = make_category(sla_hours=72, response_hours=8)
    old = routed(category=category, category_source="reporter")
    category.response_hours = 2
    category.save()
    assert Category.objects.get().sla_version == 2
    assignment.route(str(old.pk))
    assignment.revise(old, {"severity": "high"}, by=clerk())
    old.refresh_from_db()
    assert (old.response_hours, old.response_due_at) == (8, old.created_at + 4 * HOUR)
    new = routed(category=category, category_source="reporter")
    assert new.response_due_at == new.created_at + 2 * HOUR


def test_the_first_step_of_which_the_reporter_hears_meets_it_once() -> None:
    report, staff = make_report(), clerk()
    roles = roles_in(report, staff)
    transitions.take(report, "assign", by=staff, roles=roles, inputs=Inputs(assignee=staff))
    assert Report.objects.get().responded_at is None
    transitions.take(report, "start", by=staff, roles=roles)
    first = Report.objects.get().responded_at
    assert first is not None
    transitions.take(report, "resolve", by=staff, roles=roles)
    assert Report.objects.get().responded_at == first


def test_an_answer_that_was_given_keeps_its_deadline() -> None:
    category = make_category(sla_hours=72, response_hours=8)
    report, staff = routed(category=category, category_source="reporter"), clerk()
    before = report.response_due_at
    transitions.change_status(report, to=Status.IN_PROGRESS, by=staff)
    assignment.revise(report, {"severity": "critical"}, by=staff)
    report.refresh_from_db()
    assert report.response_due_at == before
    assert report.due_at == report.created_at + 18 * HOUR


def test_late_answers_are_found() -> None:
    late = make_report()
    Report.objects.update(response_due_at=late.created_at - HOUR)
    make_report(response_due_at=late.created_at + 9 * HOUR)
    answered = make_report(response_due_at=late.created_at - HOUR, responded_at=late.created_at)
    ended = make_report(response_due_at=late.created_at - HOUR, status=Status.CLOSED)
    assert list(Report.objects.answer_overdue()) == [late]
    flags = [Report.objects.get(pk=one.pk).is_answer_overdue for one in (late, answered, ended)]
    assert flags == [True, False, False]


def test_waiting_moves_no_deadline() -> None:
    category = make_category(sla_hours=72, response_hours=8)
    report, staff = routed(category=category, category_source="reporter"), clerk()
    before = (report.due_at, report.response_due_at)
    inputs = Inputs(waiting_for="weather", until=report.created_at + 200 * HOUR)
    transitions.take(report, "wait", by=staff, roles=roles_in(report, staff), inputs=inputs)
    stored = Report.objects.get()
    assert (stored.due_at, stored.response_due_at) == before


# --- The department's own rule --------------------------------------------------------------------


def hours_until_answer(report: Report) -> float:
    assert report.response_due_at is not None
    return (report.response_due_at - report.created_at) / HOUR


def test_a_department_has_its_own_default_before_the_setting_and_after_the_category(
    settings: Any,
) -> None:
    settings.FIRST_RESPONSE_HOURS = 48
    works = make_department("works", response_hours=12)
    lights = make_department("lights", parent=works)
    lamps = make_department("lamps", parent=lights, response_hours=6)
    plain = make_department("plain")
    categories = [
        make_category("own", department=works, response_hours=8),
        make_category("of-works", department=works),
        make_category("of-lights", department=lights),
        make_category("of-lamps", department=lamps),
        make_category("of-plain", department=plain),
    ]
    reports = [routed(category=one, category_source="reporter") for one in categories]
    assert [hours_until_answer(one) for one in reports] == [8, 12, 12, 6, 48]
    assert [one.response_version for one in reports] == [1, 1, 1, 1, None]
    severe = routed(category=categories[1], category_source="reporter", severity="high")
    assert hours_until_answer(severe) == 6


def test_a_changed_default_of_a_department_moves_no_old_deadline_and_is_a_new_version() -> None:
    department = make_department(response_hours=8)
    category = make_category(department=department)
    old = routed(category=category, category_source="reporter")
    department.name = "Roads"
    department.save(update_fields=["name"])
    assert Department.objects.get().response_version == 1
    department.response_hours = 2
    department.save()
    assert Department.objects.get().response_version == 2
    assignment.route(str(old.pk))
    assignment.revise(old, {"severity": "high"}, by=clerk())
    old.refresh_from_db()
    assert (old.response_hours, old.response_version, hours_until_answer(old)) == (8, 1, 4)
    new = routed(category=category, category_source="reporter")
    assert (new.response_hours, new.response_version, hours_until_answer(new)) == (2, 2, 2)
    department.response_hours = None
    department.save()
    assert Department.objects.get().response_version == 3


def test_the_department_to_which_rules_send_a_report_counts() -> None:
    make_category(department=make_department(response_hours=8))
    harbour = make_department("harbour", response_hours=3)
    make_rule("Harbour", area=make_area("Here"), department=harbour)
    report = routed(category=Category.objects.get(), category_source="reporter")
    assert (report.department, hours_until_answer(report)) == (harbour, 3)


def test_a_report_without_a_certain_category_has_the_default_of_triage() -> None:
    make_department("triage", is_triage=True, response_hours=4)
    report = routed()
    assert hours_until_answer(report) == 4


def test_handing_over_moves_no_deadline() -> None:
    category = make_category(department=make_department(response_hours=8))
    report, staff = routed(category=category, category_source="reporter"), clerk()
    before = report.response_due_at
    inputs = Inputs(department=make_department("parks", response_hours=1), note="Trees.")
    transitions.take(report, "hand_over", by=staff, roles=roles_in(report, staff), inputs=inputs)
    assert Report.objects.get().response_due_at == before


def test_the_catalogue_file_sets_the_default_of_a_department() -> None:
    entry = {"slug": "streets", "name": "Streets", "answer_hours": 24}
    loading.load({"departments": [entry]})
    assert loading.load({"departments": [entry]}) == []
    assert loading.load({"departments": [entry | {"answer_hours": 12}]}) == [
        "~ department streets: response_hours 24 → 12"
    ]
    stored = Department.objects.get()
    assert (stored.response_hours, stored.response_version) == (12, 2)
    for wrong in (0, "soon", 9_000):
        with pytest.raises(CatalogueInvalid, match="answer_hours"):
            loading.load({"departments": [entry | {"answer_hours": wrong}]})
