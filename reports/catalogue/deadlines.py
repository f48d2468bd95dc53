"""Compute the deadline of a report."""

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
    """Set the report's deadline by its category's present rule, and note that rule; do not save."""
    category = report.category
    if category is None:
        report.sla_hours, report.sla_in_working_hours = settings.TRIAGE_DEADLINE_HOURS, False
        report.sla_version = None
    else:
        report.sla_hours, report.sla_in_working_hours = (
            category.sla_hours,
            category.sla_in_working_hours,
        )
        report.sla_version = category.sla_version
    report.due_at = deadline(report)


def deadline(report: Report) -> datetime:
    """Return the deadline by the rule noted on the report, and its severity.

    Working hours are those of its department; if that has none, all hours count.
    """
    hours = (report.sla_hours or settings.TRIAGE_DEADLINE_HOURS) * DEADLINE_FACTORS[report.severity]
    if report.sla_in_working_hours and report.department is not None:
        calendar = report.department.calendar()
        due_at = calendar.after(report.created_at, hours) if calendar else None
        if due_at is not None:
            return due_at
    return report.created_at + timedelta(hours=hours)
