"""Compute the deadlines of a report: for the first answer, and for the repair."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from reports.models import Report, Severity

# The category's hours apply to medium severity.
DEADLINE_FACTORS: dict[str, float] = {
    Severity.LOW: 2.0,
    Severity.MEDIUM: 1.0,
    Severity.HIGH: 0.5,
    Severity.CRITICAL: 0.25,
}


def adopt_rule(report: Report) -> None:
    """Set both deadlines of a report by its category's present rule, and note it; do not save."""
    category = report.category
    if category is None:
        report.sla_hours, report.sla_in_working_hours = settings.TRIAGE_DEADLINE_HOURS, False
        report.sla_version = None
        report.response_hours = settings.FIRST_RESPONSE_HOURS
    else:
        report.sla_hours, report.sla_in_working_hours = (
            category.sla_hours,
            category.sla_in_working_hours,
        )
        report.sla_version = category.sla_version
        report.response_hours = category.response_hours or settings.FIRST_RESPONSE_HOURS
    set_deadlines(report)


def set_deadlines(report: Report) -> None:
    """Set both deadlines by the rule noted on the report; do not save.

    That of the first answer is never later than that of the repair. An answer that was given keeps
    its deadline.
    """
    report.due_at = _after(report, report.sla_hours or settings.TRIAGE_DEADLINE_HOURS)
    if report.responded_at is None and report.response_hours is not None:
        report.response_due_at = min(_after(report, report.response_hours), report.due_at)


def _after(report: Report, hours: float) -> datetime:
    """Return when this many hours at medium severity are over for a report.

    Working hours are those of its department; if that has none, all hours count.
    """
    hours *= DEADLINE_FACTORS[report.severity]
    if report.sla_in_working_hours and report.department is not None:
        calendar = report.department.calendar()
        due_at = calendar.after(report.created_at, hours) if calendar else None
        if due_at is not None:
            return due_at
    return report.created_at + timedelta(hours=hours)
