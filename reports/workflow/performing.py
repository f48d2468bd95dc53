"""Perform a step on a locked report: its fields, the line of its history, and the audit event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.text import Truncator

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.failpoints import failpoint
from jobs.ledger import database
from reports.models import (
    OPEN_STATUSES,
    ROUTING_REASON_MAX_CHARACTERS,
    Crew,
    Department,
    Merge,
    ModerationCase,
    Report,
    RoutedBy,
    Status,
    StatusChange,
)
from reports.workflow import history
from reports.workflow.table import STAFF, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What comes with a step; the table says which steps need what."""

    note: str = ""
    is_internal: bool = False
    reason: str = ""
    waiting_for: str = ""
    until: datetime | None = None
    assignee: User | Crew | None = None
    department: Department | None = None


NOTHING = Inputs()
#: Fields that follow from others, which the history names.
NOT_NAMED = {"updated_at", "routed_by", "routing_rule", "routing_reason"}
#: The attributes of a report that steps change.
ATTRIBUTES = (
    "status",
    "updated_at",
    "closed_at",
    "published_at",
    "responded_at",
    "confirmed_at",
    "waiting_for",
    "waiting_until",
    "assignee_id",
    "crew_id",
    "department_id",
    "routed_by",
    "routing_rule_id",
    "routing_reason",
    "version",
)


def perform(
    report: Report,
    step: Step,
    *,
    by: User | None,
    role: str,
    inputs: Inputs = NOTHING,
    is_publishing: bool = False,
) -> StatusChange:
    """Take a step with a report that the caller has locked and whose step has been checked.

    `report` gets the new values.
    """
    came_from, department = report.status, report.department_id
    was_public = report.published_at is not None
    values = new_values(report, step, role=role, inputs=inputs, is_publishing=is_publishing)
    changes = set_values(report, values)
    Report.objects.filter(pk=report.pk).update(**values)
    report.version += 1  # as the trigger counts
    failpoint("step.stored")
    if settle_moderation(report, step, was_public=was_public, by=by):
        changes["before"] = None  # what moderation had to decide is not taken back
    change = history.write(
        report,
        from_status=came_from,
        version=report.version,
        step=step.name,
        by=by,
        role=role,
        note=inputs.note,
        is_internal=inputs.is_internal,
        reason=inputs.reason or inputs.waiting_for,
        from_department_id=department if inputs.department else None,
        **changes,
    )
    failpoint("step.written")
    if came_from == Status.DUPLICATE:
        Merge.objects.end(report, by=by)
    if by is not None:
        audit(report, change, by)
    failpoint("step.audited")
    return change


def settle_moderation(report: Report, step: Step, *, was_public: bool, by: User | None) -> bool:
    """Close a case about the report that a step has decided; return whether there was one."""
    is_published = not was_public and report.published_at is not None
    if not is_published and not step.hides:
        return False
    return ModerationCase.objects.settle(report, by=by, is_public=is_published)


def set_values(report: Report, values: dict[str, Any]) -> dict[str, Any]:
    """Set fields of a report without storing them; return what its history keeps of that."""
    before = {attname: getattr(report, attname) for attname in map(attname_of, values)}
    for name, value in values.items():
        setattr(report, name, value)
    changed = [attname for attname, value in before.items() if getattr(report, attname) != value]
    fields = {attname.removesuffix("_id") for attname in changed} - NOT_NAMED
    return {
        "fields": sorted(fields),
        "before": {attname: _plain(before[attname]) for attname in changed},
    }


def snapshot(report: Report, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of these fields of a report, as the `before` of its history keeps them."""
    return {name: _plain(getattr(report, name)) for name in map(attname_of, names)}


def copy(report: Report, *, to: Report) -> None:
    """Copy the fields that steps change to another instance of the same report."""
    for name in ATTRIBUTES:
        setattr(to, name, getattr(report, name))


def attname_of(name: str) -> str:
    """Return the attribute that holds the value of a field: of a foreign key, the id."""
    return str(getattr(Report._meta.get_field(name), "attname"))  # noqa: SLF001, B009 - Django's own name


def audit(report: Report, change: StatusChange, by: User) -> None:
    """Send the task that records a change of status by a person in the audit log."""
    record_audit_event.send(
        "report.status_changed",
        str(by.pk),
        f"report:{report.pk}",
        {"from": change.from_status, "to": change.to_status},
    )


def new_values(
    report: Report,
    step: Step,
    *,
    role: str,
    inputs: Inputs = NOTHING,
    is_publishing: bool,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Return the fields that a step changes, with their new values; `at` is the time, if known."""
    now, to = at or database.now(), step.leads_to(report.status)
    is_open = to in OPEN_STATUSES
    return {
        "status": to,
        "updated_at": now,
        "closed_at": None if is_open else report.closed_at or now,
        "published_at": _publication(report, step, now if is_publishing else None),
        "responded_at": report.responded_at or _response(step, role, now),
        "confirmed_at": now if step.name == "confirm" else None if is_open else report.confirmed_at,
        "waiting_for": inputs.waiting_for if to == Status.WAITING else "",
        "waiting_until": inputs.until if to == Status.WAITING else None,
        **_kept_waiting(report, step),
        **_assignment(step, inputs),
        **_handover(inputs),
    }


def _publication(report: Report, step: Step, published_at: datetime | None) -> datetime | None:
    """Return since when the report is public, now perhaps; not at all after a step that hides it.

    What moderation has rejected becomes public only by its approval.
    """
    if step.hides:
        return None
    if report.published_at is None and published_at and ModerationCase.objects.forbids(report):
        return None
    return report.published_at or published_at


def _response(step: Step, role: str, now: datetime) -> datetime | None:
    """Return `now` if by this step staff answers the reporter, who hears of it."""
    return now if step.tells and role in STAFF else None


def _kept_waiting(report: Report, step: Step) -> dict[str, Any]:
    """Return what a report waits for if it waits on, such as after it was assigned."""
    if step.to is not None or report.status != Status.WAITING:
        return {}
    return {"waiting_for": report.waiting_for, "waiting_until": report.waiting_until}


def _assignment(step: Step, inputs: Inputs) -> dict[str, Any]:
    """Return who works on the report from now on, where the step decides that."""
    if step.name == "assign":
        is_crew = isinstance(inputs.assignee, Crew)
        return {
            "assignee": None if is_crew else inputs.assignee,
            "crew": inputs.assignee if is_crew else None,
        }
    is_nobodys = step.name in {"unassign", "hand_over", "put_back"}
    return {"assignee": None, "crew": None} if is_nobodys else {}


def _handover(inputs: Inputs) -> dict[str, Any]:
    """Return the new department, where staff send the report there; routing leaves it then."""
    if inputs.department is None:
        return {}
    return {
        "department": inputs.department,
        "routed_by": RoutedBy.STAFF,
        "routing_rule": None,
        "routing_reason": Truncator(inputs.note).chars(ROUTING_REASON_MAX_CHARACTERS),
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON keeps it: a time in ISO 8601, an id as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
