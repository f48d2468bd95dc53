"""The queue of one member of staff: what is most urgent among what is theirs to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F
from django.urls import reverse
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

from accounts.models import User
from desk.shell.readers import Scope
from jobs.ledger.database import fetch
from reports.models import OPEN_STATUSES, Report
from reports.models.catalogue import Severity

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A report of the queue, with what the table shows of it."""

    report: Report
    address: str
    due: str
    is_overdue: bool
    assigned: str

    @property
    def is_serious(self) -> bool:
        return self.report.severity in (Severity.HIGH, Severity.CRITICAL)


def rows_for(scope: Scope, now: datetime) -> list[Row]:
    """Return the reader's next reports by their deadline: their own, then those of nobody."""
    own = _own(scope.user)
    free = _free(scope.departments, SHOWN - len(own))
    chosen = own + free
    reports = Report.objects.with_related().select_related("assignee", "crew").in_bulk(chosen)
    return [_row(reports[pk], scope.user, now) for pk in chosen if pk in reports]


def _own(user: User) -> list[UUID]:
    """Return the open reports assigned to this person or to one of their crews."""
    mine = Report.objects.for_staff(user).open_for(user)
    ordered = mine.order_by(F("due_at").asc(nulls_last=True), "id")
    return list(ordered.values_list("pk", flat=True)[:SHOWN])


def _free(departments: Sequence[int] | None, count: int) -> list[UUID]:
    """Return the most urgent open reports of these departments on which nobody works.

    None stands for all departments and for the reports that have none yet.
    """
    if count <= 0:
        return []
    statuses = list(OPEN_STATUSES)
    if departments is None:
        return [pk for (pk,) in fetch(_FREE_IN_THE_CITY, (statuses, count, statuses, count, count))]
    return [pk for (pk,) in fetch(_FREE, (list(departments), statuses, count, count))]


#: The index of deadlines gives the first ones of a department, but not of several at once.
_OF_A_DEPARTMENT = """
    SELECT id, due_at FROM reports_report
    WHERE {whose} AND status = ANY(%s) AND assignee_id IS NULL AND crew_id IS NULL
    ORDER BY due_at LIMIT %s
"""
_EACH = _OF_A_DEPARTMENT.format(whose="department_id = department.id")
_FREE = f"""
    SELECT first.id FROM unnest(%s::bigint[]) AS department(id), LATERAL ({_EACH}) AS first
    ORDER BY first.due_at, first.id LIMIT %s
"""  # noqa: S608 - its own statements
_FREE_IN_THE_CITY = f"""
    SELECT id FROM (
        SELECT first.* FROM reports_department AS department, LATERAL ({_EACH}) AS first
        UNION ALL ({_OF_A_DEPARTMENT.format(whose="department_id IS NULL")})
    ) AS first
    ORDER BY due_at, id LIMIT %s
"""  # noqa: S608 - its own statements


def _row(report: Report, user: User, now: datetime) -> Row:
    return Row(
        report=report,
        address=reverse("admin:reports_report_change", args=[report.pk]),
        due=due_in_words(report.due_at, now),
        is_overdue=report.due_at is not None and report.due_at < now,
        assigned=_assigned(report, user),
    )


def due_in_words(due_at: datetime | None, now: datetime) -> str:
    """Return how long there is until a deadline, or since when it has passed."""
    if due_at is None:
        return _("no deadline")
    if due_at < now:
        return _("%(time)s overdue") % {"time": timesince(due_at, now, depth=1)}
    return _("in %(time)s") % {"time": timeuntil(due_at, now, depth=1)}


def _assigned(report: Report, user: User) -> str:
    if report.assignee is not None:
        return _("me") if report.assignee_id == user.pk else str(report.assignee)
    return str(report.crew) if report.crew else _("nobody yet")
