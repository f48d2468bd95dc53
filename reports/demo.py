"""The demo city, Elm Harbor: an invented administration with reports of the last two months.

The same seed makes the same city every time; only its dates follow the clock. Existing rows stay as
they are.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.actors import credit_reputation
from accounts.models import User
from reports import demo_rules, demo_talk
from reports.actors import SUBMISSION_POINTS, classify_report
from reports.catalogue import documents, loading
from reports.catalogue.deadlines import adopt_rule
from reports.demo_texts import REPORTS
from reports.models import (
    OPEN_STATUSES,
    Category,
    CategorySource,
    Confirmation,
    Crew,
    Department,
    DepartmentMembership,
    Escalation,
    RejectionReason,
    Report,
    Role,
    Severity,
    Status,
    StatusChange,
    WaitingFor,
)
from reports.routing import assignment, rules
from reports.routing.rules import RuleBook
from reports.workflow import table
from reports.workflow.actors import wake_report

ADMIN_EMAIL = "admin@example.org"
ADMIN_LOGIN = ADMIN_EMAIL
ADMIN_PHONE = "+12035550100"
ADMIN_PASSWORD = "elm-harbor-demo"  # noqa: S105  # printed by `make run`; `load_demo` refuses outside development

SOURCE = "demo"
REPORT_COUNT = 300
CITIZEN_COUNT = 20
DAYS = 60

CITIZEN_NAMES = (
    "Ada Quill", "Ben Marlow", "Carla Reyes", "Dev Anand", "Elif Toprak", "Femi Okoro",
    "Greta Lund", "Hugo Faria", "Ines Calder", "Jonas Weir", "Keiko Mori", "Leo Santoro",
    "Mina Farsi", "Noor Haddad", "Otis Grant", "Priya Nair", "Quinn Abbot", "Rosa Vidal",
    "Sam Tully", "Tess Orlov",
)  # fmt: skip

# Neighbourhoods: latitude, longitude and streets.
PLACES: tuple[tuple[float, float, tuple[str, ...]], ...] = (
    (41.3083, -72.9279, ("Harbor Street", "Chapel Row", "Market Street")),
    (41.3152, -72.9223, ("Orchard Hill", "Linden Street", "Willow Street")),
    (41.3047, -72.9104, ("Ferry Road", "Mill Lane", "Dock Street")),
    (41.3121, -72.9488, ("West Park Avenue", "Cedar Street", "Beech Lane")),
    (41.2935, -72.9290, ("Station Road", "Liberty Street", "Canal Walk")),
    (41.3254, -72.9170, ("Ridge Avenue", "College Crossing", "Prospect Way")),
)

# Courses of steps that a report may have taken, each with its weight.
COURSES: tuple[tuple[int, tuple[Status, ...]], ...] = (
    (4, (Status.TRIAGED,)),
    (3, (Status.TRIAGED, Status.ASSIGNED)),
    (3, (Status.TRIAGED, Status.ASSIGNED, Status.IN_PROGRESS)),
    (2, (Status.TRIAGED, Status.ASSIGNED, Status.WAITING)),
    (2, (Status.TRIAGED, Status.IN_PROGRESS, Status.RESOLVED, Status.REOPENED)),
    (4, (Status.TRIAGED, Status.IN_PROGRESS)),
    (5, (Status.TRIAGED, Status.IN_PROGRESS, Status.RESOLVED)),
    (4, (Status.TRIAGED, Status.IN_PROGRESS, Status.RESOLVED, Status.CLOSED)),
    (1, (Status.TRIAGED, Status.REJECTED)),
    (1, (Status.TRIAGED, Status.DUPLICATE)),
)
NOTES: dict[str, str] = {
    Status.IN_PROGRESS: "A crew has been scheduled.",
    Status.RESOLVED: "Done. Thank you for telling us.",
    Status.CLOSED: "",
    Status.REJECTED: "This is outside the city's responsibility.",
    Status.ASSIGNED: "",
    Status.WAITING: "The part has been ordered.",
    Status.REOPENED: "It is still broken.",
    Status.DUPLICATE: "We know this one already; it is being worked on.",
}


@dataclass(frozen=True)
class City:
    """The people, departments, categories and rules that the reports refer to."""

    departments: dict[str, Department]
    categories: dict[str, Category]
    staff: dict[str, User]
    crews: dict[str, list[Crew]]
    citizens: list[User]
    rules: RuleBook


@transaction.atomic
def load() -> int:
    """Create the demo city; return how many reports were added, 0 the second time."""
    city = _found_city()
    if Report.objects.filter(source=SOURCE).exists():
        return 0
    rng = random.Random(20)  # noqa: S311  # a repeatable city, no secret
    histories = [_make_report(number, city, rng) for number in range(REPORT_COUNT)]
    reports = [history[0].report for history in histories]
    demo_rules.confirm(histories)
    Report.objects.bulk_create(reports)
    StatusChange.objects.bulk_create([change for history in histories for change in history])
    demo_talk.load(reports, city.citizens, city.staff, rng)
    Confirmation.objects.bulk_create(demo_rules.answers(histories))
    Escalation.objects.bulk_create(demo_rules.escalations(reports))
    classify_report.send_many([(str(report.pk),) for report in reports if report.category is None])
    for report in reports:
        if report.waiting_until is not None:
            delay = report.waiting_until - timezone.now()
            wake_report.send_with_options(args=(str(report.pk),), delay=delay)
    credit_reputation.send_many(
        [
            (
                str(report.reporter_id),
                SUBMISSION_POINTS,
                f"report:{report.pk}:submitted",
                "report submitted",
                report.created_at.isoformat(),
            )
            for report in reports
            if report.reporter_id
        ]
    )
    return len(reports)


def _found_city() -> City:
    document = documents.read(documents.SHIPPED)
    loading.load(document, only_new=True)
    by_slug = {department.slug: department for department in Department.objects.all()}
    departments = {entry["slug"]: by_slug[entry["slug"]] for entry in document["departments"]}
    _give_addresses(departments.values())
    staff, citizens = _people(departments)
    categories = {
        category.slug: category for category in Category.objects.select_related("department")
    }
    demo_rules.create(departments, categories)
    crews = _crews(departments, staff)
    return City(departments, categories, staff, crews, citizens, rules.read())


def _give_addresses(departments: Iterable[Department]) -> None:
    """Give an email address to each department that has none."""
    for department in departments:
        if not department.email:
            department.email = f"{department.slug}@example.org"
            department.save(update_fields=["email"])


def _crews(departments: dict[str, Department], staff: dict[str, User]) -> dict[str, list[Crew]]:
    """Create two crews for each department; its desk is in the first."""
    crews = {}
    for slug, department in departments.items():
        names = (f"{department.name}, north", f"{department.name}, south")
        crews[slug] = [
            Crew.objects.get_or_create(department=department, name=name)[0] for name in names
        ]
        crews[slug][0].members.add(staff[slug])
    return crews


def _people(departments: dict[str, Department]) -> tuple[dict[str, User], list[User]]:
    """Create the administrator, one member of staff for each department, and the citizens.

    Their telephone numbers are from the fictional range.
    """
    password = make_password(ADMIN_PASSWORD)  # hashed once: hashing is slow on purpose
    now = timezone.now()
    people = [
        User(
            phone=ADMIN_PHONE,
            email=ADMIN_EMAIL,
            email_verified_at=now,
            name="Administrator",
            password=password,
            is_staff=True,
            is_superuser=True,
        )
    ]
    for number, (slug, department) in enumerate(departments.items(), start=1):
        email = f"{slug}@example.org"
        people.append(
            User(
                phone=f"+120355501{number:02}",
                email=email,
                email_verified_at=now,
                name=f"{department.name} desk",
                password=password,
                is_staff=True,
            )
        )
    for number, name in enumerate(CITIZEN_NAMES[:CITIZEN_COUNT], start=21):
        with_email = number % 2 == 0
        people.append(
            User(
                phone=f"+120355501{number:02}", name=name, password=make_password(None),
                email=f"{name.split()[0].lower()}@example.org" if with_email else "",
                email_verified_at=now if with_email else None, wants_sms=not with_email,
            )
        )  # fmt: skip
    User.objects.bulk_create(people, ignore_conflicts=True)
    stored = {
        user.phone: user
        for user in User.objects.filter(phone__in=[person.phone for person in people])
    }
    users = [stored[person.phone] for person in people]
    staff = dict(zip(departments, users[1:], strict=False))
    DepartmentMembership.objects.bulk_create(
        [
            DepartmentMembership(user=user, department=departments[slug], is_manager=True)
            for slug, user in staff.items()
        ],
        ignore_conflicts=True,
    )
    return staff, users[1 + len(departments) :]


def _make_report(number: int, city: City, rng: random.Random) -> list[StatusChange]:
    """Return a report, not stored yet, as its history; every eighth is new and not classified."""
    slug, title, description = REPORTS[number % len(REPORTS)]
    latitude, longitude, streets = rng.choice(PLACES)
    street = rng.choice(streets)
    is_fresh = number % 8 == 0
    age = (
        timedelta(hours=rng.uniform(0.2, 6)) if is_fresh else timedelta(days=rng.uniform(0.5, DAYS))
    )
    created_at = timezone.now() - age
    report = Report(
        id=uuid7(),
        reporter=None if number % 10 == 9 else rng.choice(city.citizens),
        title=title,
        description=description.format(street=street),
        latitude=round(latitude + rng.gauss(0, 0.003), 6),
        longitude=round(longitude + rng.gauss(0, 0.004), 6),
        address=f"{rng.randint(1, 240)} {street}",
        severity=rng.choices(Severity.values, weights=(3, 8, 3, 1))[0],
        source=SOURCE,
        external_id=f"demo-{number + 1:03}",
        created_at=created_at,
        updated_at=created_at,
    )
    if is_fresh:
        report.published_at = created_at if report.reporter_id else None
        return [StatusChange(report=report, to_status=Status.NEW, at=created_at)]
    _assign(report, city, city.categories[slug])
    return _course(report, city, rng)


def _assign(report: Report, city: City, category: Category) -> None:
    report.category, report.category_source = category, CategorySource.REPORTER
    assignment.send(report, city.rules, certain=True)
    adopt_rule(report)


def _course(report: Report, city: City, rng: random.Random) -> list[StatusChange]:
    """Take the report through a plausible course of steps and return its history."""
    assert report.department is not None  # noqa: S101  # assigned just before
    desk = city.staff[report.department.slug]
    steps = rng.choices([steps for _, steps in COURSES], weights=[weight for weight, _ in COURSES])[
        0
    ]
    history = [
        StatusChange(report=report, to_status=Status.NEW, by=report.reporter, at=report.created_at)
    ]
    for status, at in zip(steps, _moments(report.created_at, len(steps), rng), strict=True):
        is_routing = status == Status.TRIAGED
        note = f"Sent to {report.department.name}." if is_routing else NOTES[status]
        history.append(_step(report, status, at, note, by=None if is_routing else desk))
        if status == Status.ASSIGNED:
            choices: list[User | Crew] = [desk, *city.crews[report.department.slug]]
            _assign_to(report, rng.choice(choices))
    if report.status == Status.WAITING:
        report.waiting_for = WaitingFor.MATERIAL
        report.waiting_until = timezone.now() + timedelta(days=rng.uniform(1, 9))
    report.closed_at = None if report.status in OPEN_STATUSES else report.updated_at
    report.published_at = None if report.status == Status.REJECTED else report.created_at
    return history


def _step(
    report: Report, status: Status, at: datetime, note: str, *, by: User | None
) -> StatusChange:
    """Give the report a status; return the line of its history."""
    step = table.step_leading(report.status, status)
    assert step is not None  # noqa: S101  # the courses follow the table
    line = StatusChange(
        report=report,
        step=step.name,
        from_status=report.status,
        to_status=status,
        note=note,
        reason=RejectionReason.OUTSIDE if status == Status.REJECTED else "",
        by=by,
        role=Role.CLERK if by else Role.SYSTEM,
        at=at,
    )
    report.status, report.updated_at = status, at
    if by is not None and step.tells:
        report.responded_at = report.responded_at or at
    return line


def _assign_to(report: Report, assignee: User | Crew) -> None:
    if isinstance(assignee, Crew):
        report.crew = assignee
    else:
        report.assignee = assignee


def _moments(since: datetime, count: int, rng: random.Random) -> list[datetime]:
    """Return moments in order between `since` and now.

    The first, that of the routing, is seconds after the arrival.
    """
    rest = timezone.now() - since
    return [
        since + timedelta(seconds=5),
        *(
            since + rest * part
            for part in sorted(rng.uniform(0.02, 0.98) for _ in range(count - 1))
        ),
    ]
