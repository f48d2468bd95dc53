"""Rows to test with; every value that a test does not name is the same each time."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import User
from jobs.ledger import database
from reports.models import (
    Area,
    Category,
    Comment,
    Crew,
    Department,
    DepartmentMembership,
    DuplicatePair,
    PatternFinding,
    PatternKind,
    Report,
    RoutingRule,
    Status,
    StatusChange,
)
from tests.jobs.factories import make_result

_numbers = count(1)


def make_user(**overrides: Any) -> User:
    number = next(_numbers)
    fields = {"phone": f"+1203555{number:04}", "name": f"Citizen {number}"} | overrides
    return User.objects.create_user(**fields)


def make_department(slug: str = "streets", **overrides: Any) -> Department:
    return Department.objects.get_or_create(
        slug=slug, defaults={"name": slug.capitalize()} | overrides
    )[0]


def make_category(
    slug: str = "pothole", *, department: Department | None = None, **overrides: Any
) -> Category:
    fields = {
        "name": slug.capitalize(),
        "department": department or make_department(),
        "sla_hours": 72,
    } | overrides
    return Category.objects.get_or_create(slug=slug, defaults=fields)[0]


def make_staff(*departments: Department, **overrides: Any) -> User:
    user = make_user(is_staff=True, **overrides)
    for department in departments:
        DepartmentMembership.objects.create(user=user, department=department)
    return user


def make_clerk() -> User:
    """A member of staff of the streets department."""
    return make_staff(make_department())


def make_crew(
    name: str = "First crew", department: Department | None = None, **overrides: Any
) -> Crew:
    return Crew.objects.get_or_create(
        name=name, department=department or make_department(), defaults=overrides
    )[0]


def make_report(**overrides: Any) -> Report:
    """A public report of the streets department with its first line of history."""
    fields = {
        "title": "Deep hole",
        "description": "A deep hole in the road.",
        "latitude": 41.3,
        "longitude": -72.9,
        "status": Status.TRIAGED,
    } | overrides
    if "department" not in fields:
        fields["department"] = make_department()
    fields.setdefault("created_at", database.now())
    report = Report(**fields)
    if "published_at" not in overrides:
        report.published_at = report.created_at
    report.save(force_insert=True)
    StatusChange.objects.create(report=report, to_status=Status.NEW, at=report.created_at)
    return report


def guessed(confidence: float = 0.24, **fields: Any) -> Report:
    """A new anonymous report whose category the classifier is not sure of."""
    desk = make_department("desk", is_triage=True)
    guess = {
        "category": make_category(),
        "category_source": "classifier",
        "category_confidence": confidence,
    }
    return make_report(status=Status.NEW, department=desk, published_at=None, **guess, **fields)


def make_comment(report: Report, author: User | None = None, **overrides: Any) -> Comment:
    """A public comment on the report."""
    fields = {"text": "It is still there.", "published_at": database.now()} | overrides
    return Comment.objects.create(report=report, author=author, **fields)


def make_finding(**fields: Any) -> PatternFinding:
    """A crowd of these days at the place of `make_report`."""
    today = timezone.localdate()
    values = {
        "result": make_result(job_type="reports.patterns"),
        "number": 1,
        "kind": PatternKind.CROWD,
        "category": fields.get("category") or make_category("litter"),
        "first_day": today - timedelta(days=1),
        "last_day": today + timedelta(days=1),
        "latitude": 41.3,
        "longitude": -72.9,
        "box": [-72.91, 41.29, -72.89, 41.31],
        "reports": 3,
        "expected": 0.5,
        "strength": 6.0,
        "p_value": 0.001,
        "facts": {"meters": 400},
    } | fields
    return PatternFinding.objects.create(**values)


def new_report(**overrides: Any) -> dict[str, Any]:
    """The body of a creation."""
    body = {
        "title": "Deep hole",
        "description": "A deep hole in the road.",
        "latitude": 41.3,
        "longitude": -72.9,
    }
    return body | overrides


def make_area(name: str, west: float = -73) -> Area:
    """A square of two degrees; by default the place of `make_report` is inside."""
    south, east, north = 40, west + 2, 42
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return Area.objects.create(name=name, polygons={"type": "Polygon", "coordinates": [ring]})


def make_rule(name: str, **fields: Any) -> RoutingRule:
    """A rule that is the last unless a position is named."""
    return RoutingRule.objects.create(name=name, **fields)


def stored_pair() -> DuplicatePair:
    """Return the one pair of reports that may be the same."""
    return DuplicatePair.objects.get()
