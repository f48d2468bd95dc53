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
    """Set both deadlines of a report by the present rules, and note those; do not save.

    For the repair, the rule of routing that sent the report to its department comes before that of
    its category. For the first answer, the rule of the category comes before that of the
    department.
    """
    category, routing = report.category, report.routing_rule
    _adopt_response(report)
    report.sla_is_exact = bool(routing and routing.deadline_hours)
    if routing is not None and routing.deadline_hours:
        report.sla_hours = routing.deadline_hours
        report.sla_in_working_hours = routing.deadline_in_working_hours
        report.sla_version = None
    elif category is None:
        report.sla_hours, report.sla_in_working_hours = settings.TRIAGE_DEADLINE_HOURS, False
        report.sla_version = None
    else:
        report.sla_hours, report.sla_in_working_hours = (
            category.sla_hours,
            category.sla_in_working_hours,
        )
        report.sla_version = category.sla_version
    set_deadlines(report)


def _adopt_response(report: Report) -> None:
    """Note the hours until the first answer, and the version of the rule that says so."""
    category = report.category
    if category is not None and category.response_hours is not None:
        report.response_hours = category.response_hours
        report.response_version = category.sla_version
        return
    department = report.department.answering() if report.department else None
    if department is not None:
        report.response_hours = department.response_hours
        report.response_version = department.response_version
    else:
        report.response_hours, report.response_version = settings.FIRST_RESPONSE_HOURS, None


def set_deadlines(report: Report) -> None:
    """Set both deadlines by the rule noted on the report; do not save.

    That of the first answer is never later than that of the repair. An answer that was given keeps
    its deadline.
    """
    factor = DEADLINE_FACTORS[report.severity]
    repair = report.sla_hours or settings.TRIAGE_DEADLINE_HOURS
    report.due_at = _after(report, repair if report.sla_is_exact else repair * factor)
    if report.responded_at is None and report.response_hours is not None:
        answer = _after(report, report.response_hours * factor)
        report.response_due_at = min(answer, report.due_at)


def _after(report: Report, hours: float) -> datetime:
    """Return when this many hours are over for a report.

    Working hours are those of its department; if that has none, all hours count.
    """
    if report.sla_in_working_hours and report.department is not None:
        calendar = report.department.calendar()
        due_at = calendar.after(report.created_at, hours) if calendar else None
        if due_at is not None:
            return due_at
    return report.created_at + timedelta(hours=hours)
