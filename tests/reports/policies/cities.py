"""Reports in the database from whose history a policy can be learned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from reports.models import Category, Department, Report, Severity, Status, StatusChange
from tests.reports.factories import make_category, make_department

#: When the planted history begins and ends.
BEGIN, DAYS = datetime(2026, 3, 2, tzinfo=UTC), 15
END = BEGIN + timedelta(days=DAYS)
#: Each day so many trifles come, and two hours later so many emergencies.
TRIFLES, EMERGENCIES = 8, 2


def plant(department: Department | None = None) -> list[Report]:
    """A department whose only crew does the day's trifles first, while emergencies wait.

    Whoever takes up the severe ones first serves the city better.
    """
    department = department or make_department()
    category = make_category(department=department)
    reports = [
        _report(department, category, BEGIN + timedelta(days=day, hours=8, minutes=number), number)
        for day in range(DAYS)
        for number in range(TRIFLES + EMERGENCIES)
    ]
    Report.objects.bulk_create(reports)
    StatusChange.objects.bulk_create(
        line for report in reports for line in (_arrival(report), _end(report))
    )
    return reports


def _report(department: Department, category: Category, at: datetime, number: int) -> Report:
    is_emergency = number >= TRIFLES
    at += timedelta(hours=2 * is_emergency)
    return Report(
        title=f"Report {number}",
        department=department,
        category=category,
        severity=Severity.CRITICAL if is_emergency else Severity.LOW,
        status=Status.RESOLVED,
        latitude=41.3,
        longitude=-72.9,
        created_at=at,
        updated_at=at,
        published_at=at,
        due_at=at + timedelta(hours=24),
        closed_at=at + timedelta(hours=4 + number),
    )


def _arrival(report: Report) -> StatusChange:
    return StatusChange(report=report, to_status=Status.NEW, at=report.created_at)


def _end(report: Report) -> StatusChange:
    at: Any = report.closed_at
    return StatusChange(
        report=report, from_status=Status.TRIAGED, to_status=Status.RESOLVED, step="resolve", at=at
    )
