"""Two months of reports with their histories, stored as an import would store them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.actors import credit_reputation
from accounts.models import User
from reports.acknowledging import SUBMISSION_POINTS
from reports.actors import classify_report
from reports.catalogue.deadlines import adopt_rule
from reports.demo import talk, texts
from reports.demo.city import City
from reports.models import (
    OPEN_STATUSES,
    CategorySource,
    Confirmation,
    ConfirmedBy,
    Crew,
    RejectionReason,
    Report,
    Role,
    RoutedBy,
    Severity,
    Status,
    StatusChange,
    SubjectKind,
    WaitingFor,
)
from reports.moderation import cases
from reports.moderation.judging import ANONYMOUS
from reports.routing import assignment
from reports.routing import rules as routing_rules
from reports.routing.rules import RuleBook
from reports.workflow import table
from reports.workflow.actors import wake_report

SOURCE = "demo"
REPORT_COUNT = 320
DAYS = 60
#: How many days ago the last report of the crowd came, and for how many days they came.
CROWD_DAYS = (8, 2)
#: Steps that the reporter takes, and those that the system takes.
BY_REPORTER, BY_SYSTEM = ("confirm", "deny"), ("triage", "expire")

History = list[StatusChange]


@transaction.atomic
def load(city: City) -> int:
    """Store the reports of the last two months; return how many, 0 if they are there already."""
    if Report.objects.filter(source=SOURCE).exists():
        return 0
    rng = random.Random(20)  # noqa: S311  # a repeatable city, no secret
    book = routing_rules.read()
    histories = [_history(number, city, book, rng) for number in range(REPORT_COUNT)]
    reports = [history[0].report for history in histories]
    Report.objects.bulk_create(reports)
    StatusChange.objects.bulk_create([line for history in histories for line in history])
    Confirmation.objects.bulk_create(_answers(histories))
    _hold_anonymous(reports)
    talk.load(reports, city, rng)
    _send_tasks(reports)
    return len(reports)


def external_id(number: int) -> str:
    """Return the id by which the report of this number is found again."""
    return f"demo-{number + 1:03}"


def is_fresh(number: int) -> bool:
    """Return whether the report of this number is some hours old and not classified yet."""
    return number % 8 == 0 and not is_in_crowd(number)


def is_in_crowd(number: int) -> bool:
    """Return whether the report of this number is one of many about one corner in a few days."""
    return number >= texts.FIRST_OF_CROWD


def _history(number: int, city: City, book: RuleBook, rng: random.Random) -> History:
    """Return a report, not stored yet, as its history."""
    report = _report(number, city, rng)
    history = [
        StatusChange(report=report, to_status=Status.NEW, by=report.reporter, at=report.created_at)
    ]
    if not is_fresh(number):
        category = city.categories[texts.category_of(number)]
        report.category, report.category_source = category, CategorySource.REPORTER
        assignment.send(report, book, certain=True)
        adopt_rule(report)
    if not is_fresh(number) and report.routed_by != RoutedBy.BROKEN:
        history += _course(report, city, rng)
    is_public = report.reporter or report.status != Status.NEW
    if is_public and report.status != Status.REJECTED:
        report.published_at = report.created_at
    return history


def _report(number: int, city: City, rng: random.Random) -> Report:
    _, title, description = texts.report_of(number)
    place = rng.choice(texts.read("city")["neighbourhoods"])
    street = rng.choice(place["streets"])
    hours = rng.uniform(0.2, 6) if is_fresh(number) else rng.uniform(12, 24 * DAYS)
    spread = 1.0
    if is_in_crowd(number):
        place, street = _crowded_corner()
        hours, spread = 24 * (CROWD_DAYS[0] + rng.uniform(0, CROWD_DAYS[1])), 0.1
    created_at = timezone.now() - timedelta(hours=hours)
    citizens = [user for user in city.people.citizens.values() if user.reputation >= 0]
    return Report(
        id=uuid7(),
        reporter=None if number % 10 == 9 else rng.choice(citizens),
        title=title,
        description=description.format(street=street),
        latitude=round(place["latitude"] + rng.gauss(0, 0.003) * spread, 6),
        longitude=round(place["longitude"] + rng.gauss(0, 0.004) * spread, 6),
        address=f"{rng.randint(1, 240)} {street}",
        severity=rng.choices(Severity.values, weights=(3, 8, 3, 1))[0],
        source=SOURCE,
        external_id=external_id(number),
        created_at=created_at,
        updated_at=created_at,
    )


def _crowded_corner() -> tuple[dict[str, Any], str]:
    place = texts.read("city")["neighbourhoods"][2]
    return place, place["streets"][0]


def _course(report: Report, city: City, rng: random.Random) -> History:
    """Take the report through a plausible course of steps and return what its history gains."""
    courses = texts.read("past")["courses"]
    weights = [course["weight"] for course in courses]
    steps = rng.choices([course["steps"] for course in courses], weights=weights)[0]
    lines = []
    for name, at in zip(steps, moments(report, len(steps), rng), strict=True):
        lines.append(step_of(report, name, at, city))
        if name == "assign":
            _assign(report, city, rng)
    if report.status == Status.WAITING:
        report.waiting_for = WaitingFor.MATERIAL
        report.waiting_until = timezone.now() + timedelta(days=rng.uniform(1, 9))
    return lines


def step_of(report: Report, name: str, at: datetime, city: City) -> StatusChange:
    """Give the report what a step changes; return the line of its history."""
    step = table.step_named(name, report.status)
    assert step is not None  # noqa: S101  # the courses follow the table
    by, role = _taker(report, name, city)
    line = StatusChange(
        report=report, step=name, from_status=report.status, to_status=step.leads_to(report.status),
        by=by, role=role, at=at, note=_note(report, name), is_internal=name in BY_REPORTER,
        reason=RejectionReason.OUTSIDE if name == "reject" else "",
    )  # fmt: skip
    report.status, report.updated_at = line.to_status, at
    report.version = line.version = report.version + 1
    is_open = report.status in OPEN_STATUSES
    report.closed_at = None if is_open else report.closed_at or at
    report.confirmed_at = at if name == "confirm" else None
    if role in table.STAFF and step.tells:
        report.responded_at = report.responded_at or at
    return line


def _taker(report: Report, name: str, city: City) -> tuple[User | None, str]:
    if name in BY_REPORTER:
        return report.reporter, Role.REPORTER
    if name in BY_SYSTEM:
        return None, Role.SYSTEM
    return city.desk_of(report.department), Role.CLERK


def _note(report: Report, name: str) -> str:
    if name == "triage":
        return f"Sent to {report.department}."
    return str(texts.read("past")["notes"].get(name, ""))


def _assign(report: Report, city: City, rng: random.Random) -> None:
    """Assign the report to the desk of its department or to a crew."""
    desk = city.desk_of(report.department)
    slug = report.department.slug if report.department else ""
    choices: list[User | Crew] = [desk, *city.crews[slug].values()]
    chosen = rng.choice(choices)
    if isinstance(chosen, Crew):
        report.crew = chosen
    else:
        report.assignee = chosen


def moments(report: Report, count: int, rng: random.Random) -> list[datetime]:
    """Return moments in order between the arrival of a report and now.

    The first, that of the routing, is seconds after the arrival. The others lie within the days
    that reports of its category usually take, more or less.
    """
    days = texts.read("past")["days"]
    usual = days.get(report.category.slug if report.category else "", days["other"])
    span = timedelta(days=usual * rng.lognormvariate(0, 0.5))
    rest = min(span, timezone.now() - report.created_at)
    later = sorted(rng.uniform(0.02, 0.98) for _ in range(count - 1))
    return [
        report.created_at + timedelta(seconds=5),
        *(report.created_at + rest * part for part in later),
    ]


def _answers(histories: Sequence[History]) -> list[Confirmation]:
    """Return the reporters' answers whether the problem is repaired, by their steps."""
    return [
        Confirmation(
            report=line.report,
            resolution=earlier.pk,
            source=ConfirmedBy.REPORTER,
            is_fixed=line.step == "confirm",
            user=line.by,
            at=line.at,
        )
        for history in histories
        for earlier, line in pairwise(history)
        if line.step in BY_REPORTER
    ]


def _hold_anonymous(reports: Sequence[Report]) -> None:
    """Let anonymous reports that nobody has triaged yet wait for moderation, as on arrival."""
    for report in reports:
        if report.reporter is None and report.status == Status.NEW:
            cases.hold(report, SubjectKind.REPORT, report.pk, [ANONYMOUS])


def _send_tasks(reports: Sequence[Report]) -> None:
    """Send what is left to do: classify the new reports, wake those that wait, credit all."""
    classify_report.send_many([(str(report.pk),) for report in reports if report.category is None])
    for report in reports:
        if report.waiting_until is not None:
            delay = report.waiting_until - timezone.now()
            wake_report.send_with_options(args=(str(report.pk),), delay=delay)
    credit_reputation.send_many([_credit(report) for report in reports if report.reporter_id])


def _credit(report: Report) -> tuple[Any, ...]:
    event = f"report:{report.pk}:submitted"
    at = report.created_at.isoformat()
    return str(report.reporter_id), SUBMISSION_POINTS, event, "report submitted", at
