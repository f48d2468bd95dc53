"""Which policy is in force for which department."""

from __future__ import annotations

from reports.models import Department, Policy
from reports.policies.rules import BY_ARRIVAL, Rules


def policy_for(department: Department | None) -> Policy | None:
    """Return the policy by which a department goes, or the whole city; None: by arrival.

    It is that of the department, of one above it, or at last that of the city.
    """
    newest = {policy.department_id: policy for policy in Policy.objects.in_force()}
    line = [above.pk for above in department.line()] if department else []
    return next((newest[pk] for pk in (*line, None) if pk in newest), None)


def rules_for(department: Department | None) -> Rules:
    """Return the rules of that policy; by arrival where there is none."""
    policy = policy_for(department)
    return Rules.from_json(policy.rules) if policy else BY_ARRIVAL
