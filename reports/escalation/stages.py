"""Find the reports that have reached a stage of escalation, and record each once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from jobs.ledger.database import fetch
from reports.models import (
    OPEN_STATUSES,
    Deadline,
    Department,
    Escalation,
    EscalationRule,
)

BATCH_REPORTS = 100  # of one transaction
_DUE = {
    Deadline.RESPONSE: "report.response_due_at",
    Deadline.REPAIR: "report.due_at",
}
_OPEN = {
    Deadline.RESPONSE: "report.status = ANY(%(open)s) AND report.responded_at IS NULL",
    Deadline.REPAIR: "report.status = ANY(%(open)s)",
}
# A stage before the report's arrival is none.
_REACHED = """
    FROM reports_report AS report
    WHERE {open} AND report.is_live
        AND {due} <= statement_timestamp() - %(offset)s + %(ahead)s
        AND {due} > report.created_at - %(offset)s
        AND (%(category)s::bigint IS NULL OR report.category_id = %(category)s)
        AND (%(departments)s::bigint[] IS NULL OR report.department_id = ANY(%(departments)s))
        AND NOT EXISTS (
            SELECT FROM reports_escalation AS earlier
            WHERE earlier.report_id = report.id AND earlier.rule_id = %(rule)s
                AND earlier.due_at = {due})
"""
# A report that is being changed is left for the next round; the lock holds until the messages are
# stored.
_REACH = (
    """
    INSERT INTO reports_escalation (report_id, rule_id, stage, due_at, recipients)
    SELECT report.id, %(rule)s, %(stage)s, {due}, '{{}}'"""
    + _REACHED
    + """
        AND {due} >= %(since)s - %(offset)s
    ORDER BY {due} LIMIT %(limit)s FOR UPDATE OF report SKIP LOCKED
    ON CONFLICT (report_id, rule_id, due_at) DO NOTHING
    RETURNING id
"""
)
_TRY = (
    """
    SELECT report.id, {due} + %(offset)s, {due} + %(offset)s > statement_timestamp()"""
    + _REACHED
    + "ORDER BY {due} DESC LIMIT %(limit)s"
)


class Stage(NamedTuple):
    """A report that reaches the stage of a rule at a time, which may be still to come."""

    report_id: UUID
    at: datetime
    is_to_come: bool


def try_rule(rule: EscalationRule, *, ahead: timedelta, limit: int) -> list[Stage]:
    """Return which open reports are past the stage of this rule, or reach it within `ahead`.

    The latest come first. Nothing is recorded, and the rule may be one that is not stored.
    """
    parameters = _parameters(rule) | {"ahead": ahead, "limit": limit}
    deadline = Deadline(rule.deadline)
    sql = _TRY.format(due=_DUE[deadline], open=_OPEN[deadline])
    return [Stage(*row) for row in fetch(sql, parameters)]


def reach(rule: EscalationRule) -> list[Escalation]:
    """Record which reports have reached the stage of this rule, at most BATCH_REPORTS of them.

    Runs in the caller's transaction, and returns what is new. A report reaches a stage once for
    each deadline, however often this runs at once.
    """
    rows = fetch(*statement(rule))
    return list(
        Escalation.objects.filter(pk__in=[pk for (pk,) in rows])
        .select_related("report__department__parent__parent", "report__category")
        .order_by("pk")
    )


def statement(rule: EscalationRule) -> tuple[str, dict[str, object]]:
    """Return the SQL that records the stage, with its parameters."""
    deadline = Deadline(rule.deadline)
    return _REACH.format(due=_DUE[deadline], open=_OPEN[deadline]), _parameters(rule)


def _parameters(rule: EscalationRule) -> dict[str, object]:
    offset: timedelta = rule.offset
    departments = _departments_of(rule.department) if rule.department else None
    return {
        "rule": rule.pk,
        "stage": f"{rule.name}: {rule.stage()}"[:200],
        "open": [str(status) for status in OPEN_STATUSES],
        "offset": offset,
        "since": rule.since,
        "category": rule.category_id,
        "departments": departments,
        "ahead": timedelta(),
        "limit": BATCH_REPORTS,
    }


def _departments_of(department: Department) -> list[int]:
    """Return the ids of a department and of those below it."""
    return list(Department.objects.below(department).values_list("pk", flat=True))
