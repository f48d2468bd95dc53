"""Apply a policy, and take it back: each is a new version, recorded in the audit log."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.ledger.database import lock
from jobs.models import JobResult
from reports.errors import NothingToRevert, PolicyChanged, PolicyNotApplicable
from reports.models import Department, Policy, PolicyTrial
from reports.policies.actors import order_queue
from reports.policies.rules import BY_ARRIVAL, Rules


@transaction.atomic
def apply_trial(
    result: JobResult, number: int | None, *, by: User, note: str = "", seen: int | None = None
) -> Policy:
    """Apply the policy of a trial, by default the best one, where the search looked.

    `seen` is the version that the person saw in force, 0 for none.

    Raises:
        PolicyNotApplicable: there is no such trial, or it has not ended.
        PolicyChanged: another version is in force by now.
    """
    best: dict[str, Any] = result.result.get("best") or {}
    number = best.get("trial") if number is None else number
    ended = PolicyTrial.objects.filter(study=result.pk, cost__isnull=False)
    trial = ended.filter(number=number).first() if number is not None else None
    if trial is None:
        raise PolicyNotApplicable("This search has no such trial that has ended.")
    department = department_of(result)
    rules = Rules.from_json(trial.rules)
    return _add(department, rules, by=by, note=note, seen=seen, result=result, trial=trial.number)


def department_of(result: JobResult) -> Department | None:
    """Return the department in which a search looked; None for the whole city.

    Raises:
        PolicyNotApplicable: the department does not exist any more.
    """
    slug = result.inputs.get("department")
    if not slug:
        return None
    department = Department.objects.filter(slug=slug).first()
    if department is None:
        raise PolicyNotApplicable(f"The department {slug} does not exist any more.")
    return department


@transaction.atomic
def revert(
    department: Department | None, *, by: User, note: str = "", seen: int | None = None
) -> Policy:
    """Take back the version in force: the rules of the one before it apply again.

    Raises:
        NothingToRevert: no version is in force here.
        PolicyChanged: another version is in force by now.
    """
    _lock(department)
    versions = list(Policy.objects.of(department)[:2])
    if not versions:
        raise NothingToRevert
    newest, *before = versions
    rules = Rules.from_json(before[0].rules) if before else BY_ARRIVAL
    return _add(department, rules, by=by, note=note, seen=seen, reverts=newest)


def _lock(department: Department | None) -> None:
    lock(f"policy {department.pk if department else ''}")


def _add(
    department: Department | None,
    rules: Rules,
    *,
    by: User,
    note: str,
    seen: int | None,
    **origin: Any,
) -> Policy:
    """Add a version, and have the queue put in its order."""
    _lock(department)
    newest = Policy.objects.of(department).first()
    number = newest.version if newest else 0
    if seen is not None and seen != number:
        raise PolicyChanged
    policy = Policy.objects.create(
        department=department,
        version=number + 1,
        rules=rules.as_json(),
        note=note,
        applied_by=by,
        **origin,
    )
    _audit(policy, newest, by)
    order_queue.send_with_options(unique_key="order-queue")
    return policy


def _audit(policy: Policy, before: Policy | None, by: User) -> None:
    facts = {
        "department": policy.department.slug if policy.department else None,
        "version": policy.version,
        "rules": policy.rules,
        "before": before.rules if before else None,
        "result": str(policy.result_id) if policy.result_id else None,
        "reverts": policy.reverts.version if policy.reverts else None,
    }
    event = "policy.reverted" if policy.reverts else "policy.applied"
    record_audit_event.send(event, str(by.pk), f"policy:{policy.pk}", facts)
