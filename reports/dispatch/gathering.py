"""Gather what a plan needs: the crews of a day, and the reports that they could work on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, F, IntegerField, Q, Value, When

from jobs.ledger import database
from reports.dispatch import expecting
from reports.dispatch.problem import LATE_UNITS, Pause, Shift, Visit
from reports.dispatch.travel import Place
from reports.models import (
    OPEN_STATUSES,
    Crew,
    Department,
    LeftOutReason,
    Report,
    ReportQuerySet,
    Severity,
    Status,
)

#: A break may begin so much sooner or later than the hours of the shift say.
PAUSE_SLACK_SECONDS = 30 * 60
#: How much travel it is worth to do a report at all, by its severity; a late one counts twice. Each
#: is worth more than a shift of driving, so that none is left out while there is time for it.
WORTH_SECONDS = {
    Severity.LOW: 28_800,
    Severity.MEDIUM: 43_200,
    Severity.HIGH: 86_400,
    Severity.CRITICAL: 172_800,
}
#: What a second after the deadline costs, in quarters of a second of travel.
LATE_COST = {Severity.LOW: 1, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 4}
#: Of the reports beyond `reports_maximum`, so many are stored with this reason.
BEYOND_MAXIMUM = 1_000


class Assigned(StrEnum):
    """What becomes of reports that are assigned to one of the crews already."""

    LEAVE = "leave"  # they are not planned
    KEEP = "keep"  # their crew does them
    MOVE = "move"  # any crew does them, unless work on them has begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be planned, with all defaults filled in."""

    department: str
    day: date
    crews: Sequence[int] = ()
    categories: Sequence[str] = ()
    assigned: str = Assigned.KEEP
    reports_maximum: int = 300
    reserve_minutes: int | None = None  # by the forecast of arrivals


@dataclass(slots=True, kw_only=True)
class Day:
    """The crews and reports of a plan, with the numbers that stand for them in the search.

    `left_out` are reports that no search can place, with the reason. `elsewhere` counts the open
    reports of the department that were not considered, by their status.
    """

    department: Department
    date: date
    midnight: datetime
    reserve_minutes: int
    crews: list[Crew]
    shifts: list[Shift]
    reports: list[Report]
    visits: list[Visit]
    places: list[Place]
    left_out: list[tuple[Report, LeftOutReason]] = field(default_factory=list)
    elsewhere: dict[str, int] = field(default_factory=dict)

    def moment(self, seconds: int) -> datetime:
        """Return the time that is so many seconds after midnight."""
        return self.midnight + timedelta(seconds=seconds)

    def fingerprint(self) -> str:
        """Return what two plans have in common that were made from the same crews and reports."""
        facts = [
            [[crew.pk, asdict(shift)] for crew, shift in zip(self.crews, self.shifts, strict=True)],
            [[str(report.pk), report.version] for report in self.reports],
            [asdict(visit) for visit in self.visits],
            self.places,
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def gather(order: Order) -> Day:
    """Return the crews and reports of a day as they are stored now.

    Raises:
        Department.DoesNotExist: it was deleted.
    """
    department = Department.objects.get(slug=order.department)
    midnight = midnight_of(order.day)
    places: list[Place] = []
    crews, shifts = [], []
    working = [crew for crew in crews_of(department, order.crews) if works_on(crew, order.day)]
    reserve = expecting.reserve_of(department, order.day, len(working), order.reserve_minutes)
    for crew in working:
        shift = _shift(crew, order.day, midnight, reserve, places)
        if shift is not None:
            crews.append(crew)
            shifts.append(shift)
    reports, beyond = _reports(department, order, crews)
    day = Day(
        department=department,
        date=order.day,
        midnight=midnight,
        reserve_minutes=reserve,
        crews=crews,
        shifts=shifts,
        reports=[],
        visits=[],
        places=places,
        left_out=[(report, LeftOutReason.BEYOND_LIMIT) for report in beyond],
        elsewhere=_elsewhere(department, order, crews),
    )
    _add_visits(day, reports, order)
    return day


def crews_of(department: Department, chosen: Sequence[int] = ()) -> list[Crew]:
    """Return the active crews of a department and of those below it, by name; or the chosen."""
    crews = Crew.objects.filter(is_active=True, department__in=Department.objects.below(department))
    crews = crews.filter(pk__in=chosen) if chosen else crews
    parents = crews.select_related("department__parent__parent")
    return list(parents.prefetch_related("categories").order_by("name", "pk"))


def works_on(crew: Crew, day: date) -> bool:
    """Return whether a crew has a shift on that day."""
    return bool(crew.spans_on(day))


def midnight_of(day: date) -> datetime:
    """Return when a day begins in the city's time zone, in UTC."""
    return datetime.combine(day, time.min, ZoneInfo(settings.TIME_ZONE)).astimezone(UTC)


def _shift(
    crew: Crew, day: date, midnight: datetime, reserve_minutes: int, places: list[Place]
) -> Shift | None:
    """Return the crew's day without its reserve; None if nothing is left of it."""
    spans = [
        (_seconds(day, begin, midnight), _seconds(day, end, midnight))
        for begin, end in crew.spans_on(day)
    ]
    begins = max(spans[0][0], _now(midnight))
    ends = spans[-1][1] - reserve_minutes * 60
    if begins >= ends:
        return None
    home = None
    if crew.home is not None:
        home = len(places)
        places.append(crew.home)
    return Shift(begins=begins, ends=ends, home=home, pause=_pause(spans, begins, ends))


def _seconds(day: date, minutes: int, midnight: datetime) -> int:
    """Return how many seconds after midnight it is, also on a day on which the clocks change."""
    zone = ZoneInfo(settings.TIME_ZONE)
    local = (datetime.combine(day, time.min) + timedelta(minutes=minutes)).replace(tzinfo=zone)
    return int(local.timestamp() - midnight.timestamp())


def _now(midnight: datetime) -> int:
    """Return the present time, on to the next full five minutes."""
    passed = database.now().timestamp() - midnight.timestamp()
    return int(-(-passed // 300) * 300)


def _pause(spans: list[tuple[int, int]], begins: int, ends: int) -> Pause | None:
    """Return the longest gap of a shift as its break, if it is still to come."""
    gaps = [(after - before, before) for (_, before), (after, _) in pairwise(spans)]
    seconds, at = max(gaps, default=(0, 0))
    earliest, latest = max(begins, at - PAUSE_SLACK_SECONDS), at + PAUSE_SLACK_SECONDS
    latest = min(latest, ends - seconds)
    if seconds == 0 or latest < earliest:
        return None
    return Pause(earliest=earliest, latest=latest, seconds=seconds)


def _candidates(department: Department, order: Order) -> ReportQuerySet:
    """Return the open reports of the department and of those below it that the order is about."""
    below = Department.objects.below(department)
    reports = Report.objects.filter(status__in=OPEN_STATUSES, department__in=below)
    return reports.filter(category__slug__in=order.categories) if order.categories else reports


def _plannable(order: Order, crews: Sequence[Crew]) -> Q:
    """Return the condition for reports that can be planned: nobody's, and those of the crews."""
    free = Q(status__in=(Status.TRIAGED, Status.REOPENED), assignee=None, crew=None)
    if order.assigned == Assigned.LEAVE:
        return free
    theirs = Q(assignee=None, crew__in=[crew.pk for crew in crews])
    return free | Q(theirs, status__in=(Status.ASSIGNED, Status.REOPENED, Status.IN_PROGRESS))


def _reports(
    department: Department, order: Order, crews: Sequence[Crew]
) -> tuple[list[Report], list[Report]]:
    """Return the reports to consider, the most urgent first, and some of those beyond the limit."""
    rank = Case(
        *(When(severity=severity, then=Value(Severity.rank(severity))) for severity in Severity),
        output_field=IntegerField(),
    )
    urgent = _candidates(department, order).filter(_plannable(order, crews)).with_related()
    urgent = urgent.select_related("department__parent__parent").order_by(
        rank.desc(), F("due_at").asc(nulls_last=True), "created_at", "pk"
    )
    rows = list(urgent[: order.reports_maximum + BEYOND_MAXIMUM])
    return rows[: order.reports_maximum], rows[order.reports_maximum :]


def _elsewhere(department: Department, order: Order, crews: Sequence[Crew]) -> dict[str, int]:
    others = _candidates(department, order).exclude(_plannable(order, crews))
    return dict(Counter(others.order_by("status").values_list("status", flat=True)))


def _add_visits(day: Day, reports: Sequence[Report], order: Order) -> None:
    """Make each report that some crew may do a visit; note the others as left out."""
    last_end = max((shift.ends for shift in day.shifts), default=0)
    for report in reports:
        able = _able(day, report, order)
        if not able:
            day.left_out.append((report, LeftOutReason.NO_SKILL))
            continue
        day.reports.append(report)
        day.visits.append(_visit(day, report, able, place=len(day.places), last_end=last_end))
        day.places.append((report.latitude, report.longitude))


def _able(day: Day, report: Report, order: Order) -> tuple[int, ...]:
    """Return the crews that may do the report: its own, or those of its department and category."""
    is_begun = report.status == Status.IN_PROGRESS
    if report.crew_id is not None and (is_begun or order.assigned == Assigned.KEEP):
        return tuple(n for n, crew in enumerate(day.crews) if crew.pk == report.crew_id)
    return tuple(n for n, crew in enumerate(day.crews) if _can_do(crew, report))


def _can_do(crew: Crew, report: Report) -> bool:
    """Return whether the crew works for the report's department, and takes its category."""
    line = (
        {department.pk for department in report.department.line()} if report.department else set()
    )
    if crew.department_id not in line:
        return False
    skills = {category.pk for category in crew.categories.all()}
    return not skills or report.category_id in skills


def _visit(day: Day, report: Report, crews: tuple[int, ...], *, place: int, last_end: int) -> Visit:
    """Return the report as the search sees it.

    Leaving out a report that is due on this day costs at least as much as doing it at its end.
    """
    minutes = report.category.service_minutes if report.category else None
    severity = Severity(report.severity)
    due = None if report.due_at is None else int((report.due_at - day.midnight).total_seconds())
    worth, late_cost = WORTH_SECONDS[severity], LATE_COST[severity]
    begins = min((day.shifts[crew].begins for crew in crews), default=0)
    if due is None or due > last_end:
        due = None
    elif due <= begins:  # it is late already, whenever it is done
        worth, due = 2 * worth, None
    else:
        worth += worth + late_cost * (last_end - due) // LATE_UNITS
    return Visit(
        place=place,
        service=60 * (minutes or settings.DISPATCH_SERVICE_MINUTES),
        worth=worth,
        crews=crews,
        due=due,
        late_cost=late_cost if due is not None else 0,
    )
