"""Departments and deadlines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs.models import Task
from reports.catalogue.deadlines import DEADLINE_FACTORS
from reports.models import CategorySource, Report, Severity, Status
from reports.routing import assignment
from reports.workflow import transitions
from tests.reports.factories import make_category, make_department, make_report, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def report() -> Report:
    """Just arrived."""
    return make_report(status=Status.NEW, department=None)


def test_a_certain_category_sends_the_report_to_its_department(report: Report) -> None:
    category = make_category(sla_hours=72)
    assignment.apply_classification(str(report.pk), category, 0.9)
    report.refresh_from_db()
    assert report.department == category.department
    assert report.status == Status.TRIAGED
    assert report.due_at == report.created_at + timedelta(hours=72)
    assert report.category_confidence == 0.9


def test_an_uncertain_category_stays_a_proposal_for_the_triage_department(report: Report) -> None:
    desk = make_department("city-desk", is_triage=True)
    assignment.apply_classification(str(report.pk), make_category(), 0.01)
    report.refresh_from_db()
    assert report.department == desk
    assert report.status == Status.NEW
    assert report.category is not None


def test_no_category_at_all_goes_to_the_triage_department(report: Report) -> None:
    desk = make_department("city-desk", is_triage=True)
    assignment.apply_classification(str(report.pk), None, 0.0)
    report.refresh_from_db()
    assert report.department == desk
    assert report.due_at is not None


@pytest.mark.parametrize(
    "source", [CategorySource.REPORTER, CategorySource.STAFF, CategorySource.IMPORT]
)
def test_the_classifier_never_overrides_a_person(report: Report, source: str) -> None:
    """The losing race: somebody chose while the model was running."""
    chosen = make_category("graffiti")
    Report.objects.filter(pk=report.pk).update(category=chosen, category_source=source)
    assignment.apply_classification(str(report.pk), make_category("pothole"), 0.9)
    report.refresh_from_db()
    assert report.category == chosen
    assert report.category_confidence is None


def test_routing_twice_changes_nothing(report: Report) -> None:
    category = make_category()
    assignment.apply_classification(str(report.pk), category, 0.9)
    assignment.apply_classification(str(report.pk), category, 0.9)
    assert report.history.count() == 2


def test_a_step_of_staff_meanwhile_stays(report: Report) -> None:
    transitions.change_status(report, to=Status.IN_PROGRESS, by=make_staff(make_department()))
    assignment.apply_classification(str(report.pk), make_category(), 0.9)
    report.refresh_from_db()
    assert report.status == Status.IN_PROGRESS


@pytest.mark.parametrize(
    ("severity", "hours"), [("low", 144), ("medium", 72), ("high", 36), ("critical", 18)]
)
def test_severity_moves_the_deadline(report: Report, severity: str, hours: int) -> None:
    Report.objects.filter(pk=report.pk).update(severity=severity)
    assignment.apply_classification(str(report.pk), make_category(sla_hours=72), 0.9)
    report.refresh_from_db()
    assert report.due_at == report.created_at + timedelta(hours=hours)


def test_every_severity_has_a_factor() -> None:
    assert set(DEADLINE_FACTORS) == set(Severity.values)


def test_an_edit_leaves_alone_what_the_classifier_stored_meanwhile(report: Report) -> None:
    """The losing race: the report was read before it was classified, and is saved after."""
    category = make_category()
    as_read = Report.objects.get(pk=report.pk)
    assignment.apply_classification(str(report.pk), category, 0.9)
    assignment.revise(as_read, {"title": "Renamed"}, by=make_staff(category.department))
    report.refresh_from_db()
    assert (report.title, report.category, report.category_source) == (
        "Renamed",
        category,
        "classifier",
    )
    assert (report.department, report.category_confidence) == (category.department, 0.9)


def test_another_category_by_staff_reroutes_and_is_audited(report: Report) -> None:
    assignment.apply_classification(str(report.pk), make_category(), 0.9)
    report.refresh_from_db()
    parks = make_department("parks")
    tree = make_category("tree", department=parks, sla_hours=10)
    assignment.revise(report, {"category": tree}, by=make_staff(parks))
    report.refresh_from_db()
    assert report.department == parks
    assert report.category_source == CategorySource.STAFF
    assert report.category_confidence is None
    assert report.due_at == report.created_at + timedelta(hours=10)
    assert Task.objects.filter(actor="record_audit_event").exists()
