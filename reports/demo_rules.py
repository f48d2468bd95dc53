"""The demo city's areas, its rules of routing and escalation, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from reports.models import (
    Area,
    Category,
    Confirmation,
    ConfirmedBy,
    Deadline,
    Department,
    Escalation,
    EscalationRule,
    Report,
    Role,
    RoutingRule,
    Side,
    Status,
    StatusChange,
)

#: West, south, east and north of each area.
AREAS: dict[str, tuple[float, float, float, float]] = {
    "Harborside": (-72.935, 41.300, -72.900, 41.3115),
    "North End": (-72.932, 41.3115, -72.900, 41.335),
    "Westside": (-72.965, 41.300, -72.935, 41.325),
    "Station Quarter": (-72.945, 41.280, -72.910, 41.300),
}

#: Names of what stands in the catalogue are slugs here.
RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "Danger to life",
        {
            "min_severity": "critical",
            "takes_uncertain": True,
            "department": "police",
            "deadline_hours": 4,
        },
    ),
    (
        "Dumping at the harbor",
        {"category": "dumping", "area": "Harborside", "department": "inspections"},
    ),
    (
        "Street lights north",
        {
            "category": "street_light",
            "area": "North End",
            "department": "traffic",
            "deadline_hours": 48,
        },
    ),
    (
        "Drains at night and on holidays",
        {
            "category": "drain",
            "times": {"mon-fri": "00:00-07:00, 17:00-24:00", "sat-sun": "00:00-24:00"},
            "holidays": "US-CT",
            "on_holidays": "all_day",
            "deadline_hours": 24,
        },
    ),
    (
        "Graffiti on the Westside",
        {"category": "graffiti", "area": "Westside", "department": "parks", "is_active": False},
    ),
)

#: Name, hours, side, deadline, and who is informed beside the department.
STAGES: tuple[tuple[str, int, str, str, dict[str, bool]], ...] = (
    ("No answer yet", 0, Side.AFTER, Deadline.RESPONSE, {}),
    ("Repair due tomorrow", 24, Side.BEFORE, Deadline.REPAIR, {"to_assignee": True}),
    ("Repair late", 0, Side.AFTER, Deadline.REPAIR, {"to_assignee": True}),
    ("Repair three days late", 72, Side.AFTER, Deadline.REPAIR, {"to_managers": True}),
)


def create(departments: Mapping[str, Department], categories: Mapping[str, Category]) -> None:
    """Create the areas and rules that do not exist yet."""
    areas = {name: _area(name) for name in AREAS}
    rows = {"department": departments, "category": categories, "area": areas}
    for position, (name, values) in enumerate(RULES, start=1):
        fields = {key: rows[key][value] if key in rows else value for key, value in values.items()}
        RoutingRule.objects.get_or_create(name=name, defaults={"position": position, **fields})
    for name, hours, side, deadline, whom in STAGES:
        values = {"hours": hours, "side": side, "deadline": deadline, **whom}
        EscalationRule.objects.get_or_create(name=name, defaults=values)


def _area(name: str) -> Area:
    west, south, east, north = AREAS[name]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    polygons = {"type": "Polygon", "coordinates": [ring]}
    return Area.objects.get_or_create(name=name, defaults={"polygons": polygons})[0]


def confirm(histories: Iterable[list[StatusChange]]) -> None:
    """Let the reporters of two in three closed reports have confirmed the repair; do not save."""
    closed = [history for history in histories if history[-1].to_status == Status.CLOSED]
    for history in (history for number, history in enumerate(closed) if number % 3):
        line, report = history[-1], history[-1].report
        line.step, line.role, line.by = "confirm", Role.REPORTER, report.reporter
        line.note, line.is_internal = "Answer of its reporter: repaired.", True
        report.confirmed_at = line.at


def answers(histories: Iterable[list[StatusChange]]) -> list[Confirmation]:
    """Return the answers by which stored reports were confirmed."""
    return [
        Confirmation(
            report=history[-1].report,
            resolution=history[-2].pk,
            source=ConfirmedBy.REPORTER,
            is_fixed=True,
            user=history[-1].by,
            at=history[-1].at,
        )
        for history in histories
        if history[-1].step == "confirm"
    ]


def escalations(reports: Iterable[Report]) -> list[Escalation]:
    """Return the stages that the late reports have reached since their deadline for the repair."""
    rules = EscalationRule.objects.filter(deadline=Deadline.REPAIR, side=Side.AFTER)
    now = timezone.now()
    return [
        Escalation(
            report=report,
            rule=rule,
            stage=f"{rule.name}: {rule.stage()}",
            due_at=report.due_at,
            recipients=[str(report.department)],
            at=report.due_at + rule.offset,
        )
        for rule in rules
        for report in reports
        if report.is_overdue and report.due_at and report.due_at + rule.offset < now
    ]
