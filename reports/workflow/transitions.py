"""Take the steps of the workflow: check them by the table, store them, and announce them.

Every step is one transaction with the line of its history and all its tasks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db import transaction

from accounts.models import User
from jobs.failpoints import failpoint
from jobs.ledger import database
from reports.errors import StatusChangedMeanwhile, TransitionNotAllowed
from reports.models import Crew, Department, RejectionReason, Report, Role, Status, StatusChange
from reports.workflow import announcing, checking, history, notices, performing, table
from reports.workflow.actors import wake_report
from reports.workflow.performing import NOTHING, Inputs
from reports.workflow.table import STAFF, Need, Step, allowed_from
from reports.workflow.versions import require as require_version

__all__ = [
    "Inputs",
    "allowed_from",
    "annotate",
    "change_status",
    "confirm",
    "deny",
    "relocate",
    "take",
    "triage",
]

NOTHING_BEFORE: Mapping[str, Any] = MappingProxyType({})


@transaction.atomic
def take(
    report: Report,
    name: str,
    *,
    by: User | None,
    roles: frozenset[str],
    inputs: Inputs = NOTHING,
    is_publishing: bool = False,
    versions: Collection[int] | None = None,
) -> StatusChange:
    """Take the step of this name with a report, in one of these roles.

    `report` gets the new values. Only with `is_publishing` does a report that was not public become
    it. With `versions` the report must still be of one of them.

    Raises:
        TransitionNotAllowed: the table has no such step from the present status.
        StepForbidden: none of `roles` may take it.
        StepIncomplete: something that the step needs is missing or does not fit.
        ReportChanged: the report is of none of `versions` any more.
        StatusChangedMeanwhile: the stored status is no longer that of `report`.
    """
    locked = _locked(report, versions)
    step = checking.require(locked, name, roles=roles, inputs=inputs)
    return _perform(
        report, locked, step, by=by, role=checking.role_for(step, roles), inputs=inputs,
        is_publishing=is_publishing,
    )  # fmt: skip


@transaction.atomic
def change_status(
    report: Report,
    *,
    to: str,
    by: User | None,
    note: str = "",
    is_publishing: bool = False,
    versions: Collection[int] | None = None,
) -> StatusChange:
    """Change the status to `to` by the step of staff that leads there.

    As `take`, without what the step needs beside a note: a rejection is for "another reason". The
    caller has checked that `by` is of the department. Without `by` the change is automatic and the
    reporter is not notified.

    Raises:
        TransitionNotAllowed: `to` may not follow the present status.
        StepIncomplete: the step needs more, such as a time.
        ReportChanged, StatusChangedMeanwhile: as for `take`.
    """
    locked = _locked(report, versions)
    step = table.step_leading(locked.status, to)
    if step is None:
        raise TransitionNotAllowed(checking.no_way(locked.status, to))
    inputs = Inputs(note=note, reason=RejectionReason.OTHER if to == Status.REJECTED else "")
    checking.require_inputs(locked, step, inputs, optional={Need.NOTE, Need.ORIGINAL})
    return _perform(
        report,
        locked,
        step,
        by=by,
        role=history.role_of(by),
        inputs=inputs,
        is_publishing=is_publishing,
    )


def confirm(report: Report, *, by: User | None = None, note: str = "") -> StatusChange:
    """Close a resolved report whose repair a citizen confirms. Raises as `take`."""
    return take(report, "confirm", by=by, roles=table.REPORTER, inputs=Inputs(note=note))


def deny(report: Report, *, by: User | None = None, note: str = "") -> StatusChange:
    """Reopen a report that a citizen says is not repaired, within the window. Raises as `take`."""
    return take(report, "deny", by=by, roles=table.REPORTER, inputs=Inputs(note=note))


def triage(
    report: Report,
    *,
    note: str,
    is_internal: bool = False,
    by: User | None = None,
    at: datetime | None = None,
    is_publishing: bool = False,
    before: Mapping[str, Any] = NOTHING_BEFORE,
) -> list[str]:
    """Triage a new report that the caller has locked; write its history, return the fields to save.

    `by` is the person who chose its category; without one the reporter is not notified. `at` is the
    present time, where the caller has read it. `before` has the earlier values of what the caller
    changes together with the step, so that both are undone as one.
    """
    step = table.step_named("triage", report.status)
    if step is None:
        raise TransitionNotAllowed(checking.no_way(report.status, Status.TRIAGED))
    came_from, role = report.status, history.role_of(by)
    was_public = report.published_at is not None
    values = performing.new_values(report, step, role=role, is_publishing=is_publishing, at=at)
    changes = performing.set_values(report, values)
    changes["before"] = {**before, **changes["before"]}
    if performing.settle_moderation(report, step, was_public=was_public, by=by):
        changes["before"] = None  # what moderation had to decide is not taken back
    change = history.write(
        report, from_status=came_from, version=report.version + 1, step=step.name, by=by,
        role=role, note=note, is_internal=is_internal, is_together=by is None, **changes,
    )  # fmt: skip
    if by is not None:
        performing.audit(report, change, by)
        announcing.announce(report, change)
    return list(values)


def assign_to_crew(report: Report, crew: Crew) -> list[str]:
    """Assign a triaged report that the caller has locked to a crew by a rule of routing.

    Writes its history, and returns the fields to save, as `triage`.
    """
    step = table.step_named("assign", report.status)
    if step is None:
        raise TransitionNotAllowed(checking.no_way(report.status, Status.ASSIGNED))
    came_from, inputs = report.status, Inputs(assignee=crew)
    values = performing.new_values(
        report, step, role=Role.SYSTEM, inputs=inputs, is_publishing=False
    )
    changes = performing.set_values(report, values)
    history.write(
        report,
        from_status=came_from,
        version=report.version + 1,
        step=step.name,
        by=None,
        role=Role.SYSTEM,
        note="",
        **changes,
    )
    return list(values)


def annotate(
    report: Report, *, note: str, by: User | None, fields: Iterable[str] = (), **facts: Any
) -> StatusChange:
    """Add a line to the history without changing the status, such as where the report went.

    The caller has locked the report and saves it after that, once. `fields` are those that change.
    """
    return history.write(
        report,
        version=report.version + 1,
        note=note,
        by=by,
        fields=sorted(fields),
        **{"from_status": report.status, **facts},
    )


def relocate(
    report: Report, *, note: str, by: User, from_department: Department | None, **facts: Any
) -> list[str]:
    """Take an edited report from those it was assigned to, since its department has changed.

    As for `annotate`, which adds the line; return the fields to save.
    """
    values: dict[str, Any] = {"assignee": None, "crew": None}
    came_from = report.status
    if came_from == Status.ASSIGNED:
        values["status"] = Status.TRIAGED
    performing.set_values(report, values)
    annotate(
        report, note=note, by=by, from_status=came_from, from_department=from_department, **facts
    )
    return list(values)


def _locked(report: Report, versions: Collection[int] | None = None) -> Report:
    """Return the report as stored, locked until this transaction ends.

    Raises:
        StatusChangedMeanwhile: somebody has changed it since `report` was read.
    """
    locked = Report.objects.select_for_update(of=("self",)).with_related().get(pk=report.pk)
    require_version(locked, versions)
    if locked.status != report.status:
        raise StatusChangedMeanwhile
    return locked


def _perform(
    report: Report, locked: Report, step: Step, *, by: User | None, role: str, **options: Any
) -> StatusChange:
    is_publishing = options.pop("is_publishing") and role in STAFF
    change = performing.perform(
        locked, step, by=by, role=role, is_publishing=is_publishing, **options
    )
    performing.copy(locked, to=report)
    announcing.announce(locked, change)
    if step.name == "assign":
        notices.note_assignment(locked, by=by)
    if change.from_department_id is not None:
        notices.note_arrival(locked)
    _set_alarm(locked)
    failpoint("step.announced")
    return change


def _set_alarm(report: Report) -> None:
    """Send the task by which a waiting report goes on by itself."""
    if report.status == Status.WAITING and report.waiting_until is not None:
        delay = max(timedelta(), report.waiting_until - database.now())
        wake_report.send_with_options(args=(str(report.pk),), delay=delay)
