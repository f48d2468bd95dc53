"""The deadline of the first answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from reports.models import Category, Report, Status
from reports.routing import assignment
from reports.workflow import transitions
from reports.workflow.roles import roles_in
from reports.workflow.transitions import Inputs
from tests.reports.factories import make_category, make_department, make_report, make_staff

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
