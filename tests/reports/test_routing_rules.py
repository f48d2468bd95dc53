"""Rules of routing: which one applies, what it does, and what happens where one is broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import ProtectedError

from reports.models import (
    Area,
    Category,
    CategoryGroup,
    CategorySource,
    Crew,
    Department,
    Report,
    RoutedBy,
    RoutingRule,
    Severity,
    Status,
)
from reports.routing import assignment, rules
from reports.steps import taking
from reports.workflow import undoing
from reports.workflow.performing import Inputs
from reports.workflow.table import STAFF
from tests.reports.factories import (
    make_area,
    make_category,
    make_department,
    make_report,
    make_rule,
    make_staff,
)

pytestmark = pytest.mark.django_db
MONDAY_NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def pothole() -> Category:
    """A category of the streets department, which has 72 hours."""
    return make_category()


@pytest.fixture
def harbour() -> Department:
    return make_department("harbour")


def routed(**overrides: Any) -> Report:
    """A report that has just been routed; its category is certain unless it has none."""
    fields = {"status": Status.NEW, "department": None} | overrides
    fields.setdefault("category_source", CategorySource.REPORTER)
    report = make_report(**fields)
    assignment.route(str(report.pk))
    report.refresh_from_db()
    return report


def test_the_first_rule_whose_conditions_hold_applies(
    pothole: Category, harbour: Department
) -> None:
    parks = make_department("parks")
    make_rule("Late", position=2, category=pothole, department=harbour)
    make_rule("Elsewhere", position=1, area=make_area("South", 10), department=parks)
    first = make_rule("North", position=1, area=make_area("North"), department=parks)
    report = routed(category=pothole)
    assert (report.department, report.routing_rule) == (parks, first)
    assert report.routed_by == RoutedBy.RULE
    assert report.routing_reason == "rule 1 “North”: inside area North"
    assert report.status == Status.TRIAGED


def test_without_a_rule_the_category_decides(pothole: Category) -> None:
    make_rule("Elsewhere", area=make_area("South", 10), department=make_department("parks"))
    report = routed(category=pothole)
    assert (report.department, report.routed_by) == (pothole.department, RoutedBy.CATEGORY)
    assert report.routing_rule is None
    assert report.routing_reason == "no rule applies: its category decides"


def test_all_conditions_must_hold(pothole: Category, harbour: Department) -> None:
    make_rule("Both", category=pothole, min_severity="high", department=harbour)
    assert routed(category=pothole).department == pothole.department
    urgent = routed(category=pothole, severity=Severity.CRITICAL)
    assert urgent.department == harbour
    assert urgent.routing_reason == "rule 1 “Both”: category Pothole, severity high or critical"


def test_a_group_stands_for_its_categories(harbour: Department) -> None:
    group = CategoryGroup.objects.create(slug="roads", name="Roads")
    inside = make_category("crack", group=group)
    make_rule("Roads", group=group, department=harbour)
    assert routed(category=inside).department == harbour
    assert routed(category=make_category("tree")).department != harbour


@pytest.mark.parametrize(
    ("at", "applies"),
    [
        ("2026-11-30T22:30:00+00:00", True),  # Monday 17:30 in the city
        ("2026-11-30T21:59:00+00:00", False),
        ("2026-11-30T22:00:00+00:00", True),
        ("2026-12-01T05:00:00+00:00", False),  # Tuesday 00:00 in the city
        ("2026-12-05T15:00:00+00:00", True),  # Saturday
        ("2026-12-25T15:00:00+00:00", True),  # a holiday, on a Friday
        ("2026-12-24T15:00:00+00:00", False),
    ],
)
def test_times_are_those_of_the_city(
    pothole: Category, harbour: Department, settings: Any, at: str, applies: bool
) -> None:
    settings.TIME_ZONE = "America/New_York"
    times = {"mon-fri": "17:00-24:00", "sat-sun": "00:00-24:00"}
    make_rule("Night", times=times, holidays="US", on_holidays="all_day", department=harbour)
    report = routed(category=pothole, created_at=datetime.fromisoformat(at))
    assert (report.department == harbour) is applies


@pytest.mark.parametrize(
    ("on_holidays", "times", "expected"),
    [("never", {}, [True, False]), ("only", {}, [False, True])],
)
def test_holidays_can_be_left_out_or_meant_alone(
    pothole: Category, harbour: Department, on_holidays: str, times: Any, expected: list[bool]
) -> None:
    make_rule("Days", times=times, holidays="US", on_holidays=on_holidays, department=harbour)
    days = [MONDAY_NOON, datetime(2026, 12, 25, 12, tzinfo=UTC)]
    reports = [routed(category=pothole, created_at=day) for day in days]
    assert [report.department == harbour for report in reports] == expected


def test_a_rule_applies_within_its_period_and_while_it_is_on(
    pothole: Category, harbour: Department
) -> None:
    winter = make_rule(
        "Winter",
        active_from=date(2026, 11, 1),
        active_until=date(2026, 11, 30),
        department=harbour,
    )
    days = [MONDAY_NOON - timedelta(days=30), MONDAY_NOON, MONDAY_NOON + timedelta(days=1)]
    reports = [routed(category=pothole, created_at=day) for day in days]
    assert [report.department == harbour for report in reports] == [False, True, False]
    winter.is_active = False
    winter.save()
    assert routed(category=pothole, created_at=MONDAY_NOON).department != harbour


def test_a_rule_for_a_category_leaves_guesses_to_triage(
    pothole: Category, harbour: Department
) -> None:
    desk = make_department("desk", is_triage=True)
    make_rule("Potholes", category=pothole, department=harbour)
    make_rule("All", department=harbour)
    guess = {"category_source": CategorySource.CLASSIFIER, "category_confidence": 0.01}
    report = routed(category=pothole, **guess)
    assert (report.department, report.routed_by) == (desk, RoutedBy.UNCERTAIN)
    assert (report.status, report.routing_reason) == (Status.NEW, "its category is not certain")
    make_rule("Any", department=harbour, takes_uncertain=True, min_severity="medium")
    taken = routed(category=pothole, **guess)
    assert (taken.department, taken.status) == (harbour, Status.NEW)


def test_a_guess_never_chooses_the_department(pothole: Category) -> None:
    """A rule that only sets a deadline leaves the department open."""
    desk = make_department("desk", is_triage=True)
    make_rule("Soon", takes_uncertain=True, deadline_hours=4)
    guess = {"category_source": CategorySource.CLASSIFIER, "category_confidence": 0.01}
    report = routed(category=pothole, **guess)
    assert report.department == desk
    assert report.due_at == report.created_at + timedelta(hours=4)


def test_the_deadline_of_a_rule_holds_whatever_the_severity(pothole: Category) -> None:
    make_rule("Fast", category=pothole, deadline_hours=10)
    report = routed(category=pothole, severity=Severity.CRITICAL)
    assert report.department == pothole.department
    assert report.due_at == report.created_at + timedelta(hours=10)
    assignment.revise(report, {"severity": Severity.LOW}, by=make_staff())
    report.refresh_from_db()
    assert report.due_at == report.created_at + timedelta(hours=10)


def test_the_deadline_of_a_rule_can_count_working_hours(
    pothole: Category, harbour: Department
) -> None:
    harbour.opening_hours = {"mon-fri": "08:00-16:00"}
    harbour.save()
    make_rule("Fast", department=harbour, deadline_hours=10, deadline_in_working_hours=True)
    report = routed(category=pothole, created_at=MONDAY_NOON)
    assert report.due_at == datetime(2026, 12, 1, 14, tzinfo=UTC)


def test_another_category_by_staff_is_routed_by_the_rules(
    pothole: Category, harbour: Department
) -> None:
    rule = make_rule("Potholes", category=pothole, department=harbour, deadline_hours=5)
    report = routed(category=make_category("tree"))
    assignment.revise(report, {"category": pothole}, by=make_staff())
    report.refresh_from_db()
    assert (report.department, report.routing_rule) == (harbour, rule)
    assert report.due_at == report.created_at + timedelta(hours=5)
    assignment.revise(report, {"department": make_department("parks")}, by=make_staff())
    report.refresh_from_db()
    assert (report.routed_by, report.routing_rule) == (RoutedBy.STAFF, None)


def break_area(area: Area) -> None:
    """Store polygons that no form would take, past the model."""
    Area.objects.filter(pk=area.pk).update(polygons={"type": "Polygon", "coordinates": [[]]})


def test_a_broken_rule_sends_its_reports_to_triage(pothole: Category, harbour: Department) -> None:
    desk, area = make_department("desk", is_triage=True), make_area("North")
    broken = make_rule("North", category=pothole, area=area, department=harbour)
    break_area(area)
    report = routed(category=pothole)
    assert (report.department, report.routing_rule) == (desk, broken)
    assert (report.routed_by, report.status) == (RoutedBy.BROKEN, Status.NEW)
    assert report.routing_reason == (
        "rule 1 “North” cannot be evaluated: the polygons of area North cannot be used: "
        "Ring 1 has fewer than four positions."
    )
    tree = make_category("tree")
    assert routed(category=tree).department == tree.department  # it is not one of its reports
    assignment.route(str(report.pk))
    report.refresh_from_db()
    assert report.status == Status.NEW  # routing twice changes nothing


@pytest.mark.parametrize(
    "values",
    [
        {"times": {"noday": "8"}},
        {"times": ["mon"]},
        {"times": "mon"},
        {"holidays": "XX", "on_holidays": "only"},
        {"on_holidays": "perhaps", "holidays": "US"},
        {"min_severity": "awful"},
    ],
)
def test_what_no_form_would_take_breaks_a_rule_and_nothing_else(
    pothole: Category, harbour: Department, values: dict[str, Any]
) -> None:
    desk = make_department("desk", is_triage=True)
    rule = make_rule("Odd", department=harbour)
    RoutingRule.objects.filter(pk=rule.pk).update(**values)
    report = routed(category=pothole)
    assert (report.department, report.routed_by) == (desk, RoutedBy.BROKEN)


def test_what_a_rule_names_cannot_be_deleted(harbour: Department) -> None:
    category, area = make_category("tree"), make_area("North")
    group = CategoryGroup.objects.create(slug="green", name="Green")
    make_rule("Tree", category=category, area=area, department=harbour)
    make_rule("Green", group=group, department=harbour)
    for row in (category, area, group, harbour):
        with pytest.raises(ProtectedError):
            row.delete()


def test_a_deleted_rule_leaves_its_reason(pothole: Category, harbour: Department) -> None:
    rule = make_rule("All", department=harbour)
    report = routed(category=pothole)
    rule.delete()
    report.refresh_from_db()
    assert (report.routing_rule, report.department) == (None, harbour)
    assert report.routing_reason == "rule 1 “All”: every report"


def test_a_change_past_the_models_is_seen_at_once(pothole: Category, harbour: Department) -> None:
    """The rules are cached in each process; triggers of PostgreSQL tell it that they changed."""
    parks = make_department("parks")
    rule, area = make_rule("All", department=harbour), make_area("North")
    assert routed(category=pothole).department == harbour
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reports_routingrule SET department_id = %s", [parks.pk])
    assert routed(category=pothole).department == parks
    RoutingRule.objects.filter(pk=rule.pk).update(area=area)
    assert routed(category=pothole).department == parks
    Area.objects.filter(pk=area.pk).update(polygons=make_area("South", 10).polygons)
    assert routed(category=pothole).department == pothole.department


def test_the_rules_are_read_once_for_many_reports(
    pothole: Category, harbour: Department, django_assert_num_queries: Any
) -> None:
    make_rule("All", department=harbour, area=make_area("North"))
    with django_assert_num_queries(3):  # the revision, the rules, the triage
        first = rules.current(rules.revision())
    with django_assert_num_queries(1):
        assert rules.current(rules.revision()) is first


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no outcome": ({}, "department"),
    "category and group": ({"category": "tree", "group": "green"}, "group"),
    "uncertain category": ({"category": "tree", "takes_uncertain": True}, "takes_uncertain"),
    "holidays of nobody": ({"on_holidays": "never"}, "holidays"),
    "holidays alone at times": (
        {"on_holidays": "only", "holidays": "US", "times": {"mon": "8:00-9:00"}},
        "on_holidays",
    ),
    "always and on holidays": ({"on_holidays": "all_day", "holidays": "US"}, "on_holidays"),
    "an unknown region": ({"on_holidays": "only", "holidays": "XX"}, "holidays"),
    "times that nobody reads": ({"times": {"mon": "nine"}}, "times"),
    "a period that ends before it begins": (
        {"active_from": date(2026, 2, 1), "active_until": date(2026, 1, 1)},
        "active_until",
    ),
    "working hours of no deadline": (
        {"deadline_in_working_hours": True},
        "deadline_in_working_hours",
    ),
    "no hour": ({"deadline_hours": 0}, "deadline_hours"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_rule_that_makes_no_sense_is_refused(fault: str) -> None:
    values, field = FAULTS[fault]
    rows = {
        "category": make_category("tree"),
        "group": CategoryGroup.objects.create(slug="green", name="Green"),
    }
    fields = {name: rows.get(name, value) for name, value in values.items()}
    with pytest.raises(ValidationError) as refused:
        RoutingRule(name="Rule", position=1, **fields).full_clean()
    assert field in refused.value.message_dict


def test_the_preview_of_a_step_says_where_the_rules_send_the_report(
    pothole: Category, harbour: Department
) -> None:
    make_rule("Potholes", category=pothole, department=harbour)
    guess = {"category_source": CategorySource.CLASSIFIER, "category_confidence": 0.01}
    report = routed(category=pothole, **guess)
    step = taking.Step(to=Status.TRIAGED, by=make_staff(is_superuser=True), accepts_guess=True)
    effects = taking.outlook(report, step).effects
    assert "the guess Pothole becomes its category, and it goes to Harbour" in effects
    taking.take(report, step, roles=STAFF)
    report.refresh_from_db()
    assert report.department == harbour


def test_a_rule_assigns_its_reports_to_a_crew(pothole: Category, harbour: Department) -> None:
    crew = Crew.objects.create(department=harbour, name="Night crew")
    make_rule("Potholes", category=pothole, department=harbour, crew=crew)
    report = routed(category=pothole)
    assert (report.crew, report.status) == (crew, Status.ASSIGNED)
    assert [line.to_status for line in report.history.all()] == ["new", "triaged", "assigned"]
    other = routed(category=make_category("tree"))
    assignment.revise(other, {"category": pothole}, by=make_staff())
    other.refresh_from_db()
    assert (other.crew, other.status) == (crew, Status.ASSIGNED)


def test_a_step_with_a_category_routes_as_an_edit_of_the_category_does(
    pothole: Category, harbour: Department
) -> None:
    crew = Crew.objects.create(department=harbour, name="Night crew")
    make_rule("Potholes", category=pothole, department=harbour, crew=crew, deadline_hours=5)
    clerk, tree = make_staff(is_superuser=True), make_category("tree")
    guess = {"category_source": CategorySource.CLASSIFIER, "category_confidence": 0.01}
    edited, taken, guessed = (
        routed(category=category, **guess) for category in (tree, tree, pothole)
    )
    assignment.revise(edited, {"category": pothole}, by=clerk)
    step = taking.Step(to=Status.TRIAGED, by=clerk, inputs=Inputs(note="We know it."))
    taking.take(taken, replace(step, category=pothole), roles=STAFF)
    taking.take(guessed, replace(step, accepts_guess=True), roles=STAFF)
    for report in (edited, taken, guessed):
        report.refresh_from_db()
        assert (report.department, report.crew, report.status) == (harbour, crew, Status.ASSIGNED)
        assert report.routing_reason == "rule 1 “Potholes”: category Pothole"
        assert (report.sla_hours, report.routed_by) == (5, RoutedBy.RULE)
    notes = {line.note for line in taken.history.filter(by=clerk)}
    assert notes == {"We know it.", "Pothole: sent to Harbour."}
    undoing.undo(taken, by=clerk, roles=STAFF)
    taken.refresh_from_db()
    assert (taken.category, taken.crew, taken.status) == (tree, None, Status.NEW)


@pytest.mark.parametrize("status", [Status.NEW, Status.TRIAGED, Status.ASSIGNED])
@pytest.mark.parametrize(
    ("to", "has_crew"),
    [(Status.IN_PROGRESS, True), (Status.RESOLVED, True), (Status.RESOLVED, False)],
)
def test_work_that_begins_with_a_category_is_of_the_crew_of_its_rule(
    status: Status, to: Status, has_crew: bool, pothole: Category, harbour: Department
) -> None:
    crew = Crew.objects.create(department=harbour, name="Night crew") if has_crew else None
    make_rule("Potholes", category=pothole, department=harbour, crew=crew)
    clerk = make_staff(is_superuser=True)
    report = routed(category=make_category("tree"))
    Report.objects.update(status=status, assignee=clerk if status == Status.ASSIGNED else None)
    report.refresh_from_db()
    taking.take(report, taking.Step(to=to, by=clerk, category=pothole), roles=STAFF)
    report.refresh_from_db()
    assert (report.department, report.status) == (harbour, to)
    assert (report.crew, report.assignee) == (crew, None)


def test_an_edited_category_gives_work_under_way_to_the_crew_of_its_rule(
    pothole: Category, harbour: Department
) -> None:
    crew = Crew.objects.create(department=harbour, name="Night crew")
    make_rule("Potholes", category=pothole, department=harbour, crew=crew)
    report, clerk = routed(category=make_category("tree")), make_staff(is_superuser=True)
    taking.take(report, taking.Step(to=Status.IN_PROGRESS, by=clerk), roles=STAFF)
    assignment.revise(report, {"category": pothole}, by=clerk)
    report.refresh_from_db()
    assert (report.crew, report.status) == (crew, Status.IN_PROGRESS)


def test_a_crew_that_takes_no_more_breaks_its_rule(pothole: Category, harbour: Department) -> None:
    desk = make_department("desk", is_triage=True)
    crew = Crew.objects.create(department=harbour, name="Night crew")
    make_rule("Potholes", category=pothole, department=harbour, crew=crew)
    assert routed(category=pothole).crew == crew
    Crew.objects.update(is_active=False)
    report = routed(category=pothole)
    assert (report.department, report.crew, report.routed_by) == (desk, None, RoutedBy.BROKEN)
    assert report.routing_reason.endswith("crew Night crew takes no further reports")
    other = routed(category=make_category("tree"))
    assignment.revise(other, {"category": pothole}, by=make_staff())
    other.refresh_from_db()
    assert (other.department, other.crew, other.status) == (desk, None, Status.TRIAGED)


def test_the_crew_of_a_rule_is_one_of_its_department(harbour: Department) -> None:
    crew = Crew.objects.create(department=make_department("parks"), name="Gardeners")
    with pytest.raises(ValidationError) as refused:
        RoutingRule(name="Rule", position=1, department=harbour, crew=crew).full_clean()
    assert "crew" in refused.value.message_dict
