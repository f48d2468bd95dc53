"""Keep the queue: the place of each open report by the policy in force.

The place is that of `Rules.place`, computed by PostgreSQL for all reports at once. It changes with
the report or the policy, not as time passes, except when a report is escalated.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from jobs.ledger.database import execute
from reports.models import OPEN_STATUSES, Department, Policy
from reports.policies.rules import MEDIUM, SEVERITIES, URGENT_HOURS, Rules

_WISHED = """
WITH policy (department, id, deadline_share, severity_hours, neighbour_hours, urgent_rank,
             escalate_after, escalation_hours) AS (
    SELECT * FROM unnest(%(departments)s::bigint[], %(policies)s::bigint[],
        %(deadline_shares)s::float8[], %(severities)s::float8[], %(neighbours)s::float8[],
        %(urgent_ranks)s::int[], %(escalate_after)s::float8[], %(escalations)s::float8[])
),
waiting AS (
    SELECT report.id, report.created_at, policy.id AS policy, policy.deadline_share,
        policy.severity_hours, policy.neighbour_hours, policy.escalation_hours,
        array_position(%(ranks)s::text[], report.severity::text) - 1 AS rank,
        policy.urgent_rank,
        coalesce(report.due_at, report.created_at + %(usual)s * interval '1 hour') AS due,
        policy.escalate_after * interval '1 hour' AS escalate_after
    FROM reports_report AS report
    JOIN policy ON policy.department = coalesce(report.department_id, 0)
    WHERE report.status = ANY(%(open)s)
),
judged AS (
    SELECT *, rank >= urgent_rank AS is_urgent,
        coalesce(due + escalate_after <= statement_timestamp(), false) AS is_escalated,
        CASE WHEN neighbour_hours > 0 THEN
            (SELECT count(*) FROM reports_metoo WHERE report_id = waiting.id) ELSE 0
        END AS neighbours
    FROM waiting
),
wished AS (
    SELECT id AS report_id, is_urgent, is_escalated, policy AS policy_id, created_at + (
        deadline_share * extract(epoch FROM due - created_at)::float8 / 3600
        - severity_hours * (rank - %(medium)s)
        - neighbour_hours * ln((1 + neighbours)::float8) / ln(2::float8)
        - CASE WHEN is_urgent THEN %(urgent_hours)s::float8 ELSE 0 END
        - CASE WHEN is_escalated THEN escalation_hours ELSE 0 END
    ) * interval '1 hour' AS at
    FROM judged
)
"""
# What is as it should be is not written again.
_PLACE = f"""
{_WISHED}
INSERT INTO reports_queueplace (report_id, at, is_urgent, is_escalated, policy_id)
SELECT wished.report_id, wished.at, wished.is_urgent, wished.is_escalated, wished.policy_id
FROM wished LEFT JOIN reports_queueplace AS now ON now.report_id = wished.report_id
WHERE (now.at, now.is_urgent, now.is_escalated, now.policy_id)
    IS DISTINCT FROM (wished.at, wished.is_urgent, wished.is_escalated, wished.policy_id)
ON CONFLICT (report_id) DO UPDATE SET at = excluded.at, is_urgent = excluded.is_urgent,
    is_escalated = excluded.is_escalated, policy_id = excluded.policy_id
"""  # noqa: S608 - constants only
_LEAVE = """
DELETE FROM reports_queueplace AS place USING reports_report AS report
WHERE report.id = place.report_id AND NOT report.status = ANY(%(open)s)
"""


def refresh() -> int:
    """Give each open report its place, and take the others out; return how many changed."""
    parameters = _parameters()
    return execute(_LEAVE, parameters) + execute(_PLACE, parameters)


def _parameters() -> dict[str, Any]:
    """Return the parameters of the statements, with the rules of every department.

    0 stands for reports without a department, which go by the city's policy.
    """
    chosen = _policies()
    rules = [Rules.from_json(policy.rules) if policy else Rules() for policy in chosen.values()]
    return {
        "departments": list(chosen),
        "policies": [policy.pk if policy else None for policy in chosen.values()],
        "deadline_shares": [rule.deadline_share for rule in rules],
        "severities": [rule.severity_hours for rule in rules],
        "neighbours": [rule.neighbour_hours for rule in rules],
        "urgent_ranks": [rule.urgent_rank for rule in rules],
        "escalate_after": [
            rule.escalate_after_hours if rule.escalation_hours else None for rule in rules
        ],
        "escalations": [rule.escalation_hours for rule in rules],
        "ranks": list(SEVERITIES),
        "medium": MEDIUM,
        "urgent_hours": URGENT_HOURS,
        "usual": settings.TRIAGE_DEADLINE_HOURS,
        "open": [str(status) for status in OPEN_STATUSES],
    }


def _policies() -> dict[int, Policy | None]:
    """Return the policy of each department by its id."""
    newest = {policy.department_id: policy for policy in Policy.objects.in_force()}
    chosen: dict[int, Policy | None] = {0: newest.get(None)}
    for department in Department.objects.select_related("parent__parent"):
        line = (*(above.pk for above in department.line()), None)
        chosen[department.pk] = next((newest[pk] for pk in line if pk in newest), None)
    return chosen
