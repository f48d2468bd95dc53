"""Undo the last step with a report, for as long as nobody has been told of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.ledger import database
from reports.errors import UndoRefused
from reports.models import Report, StatusChange
from reports.workflow import announcing, history, messages, performing, table
from reports.workflow.roles import strongest
from reports.workflow.table import MANAGERS, STAFF
from reports.workflow.versions import require as require_version

UNDO = "undo"


@transaction.atomic
def undo(
    report: Report,
    *,
    by: User,
    roles: frozenset[str],
    note: str = "",
    versions: Collection[int] | None = None,
) -> StatusChange:
    """Give the report back what its last step changed, and take back the messages about it.

    `report` gets the values too. The history keeps both lines; the note of the second is internal.

    Raises:
        ReportChanged: the report is of none of `versions` any more.
        UndoRefused: the last change is no step that `by` may undo, is too old, or was announced.
    """
    locked = Report.objects.select_for_update(of=("self",)).with_related().get(pk=report.pk)
    require_version(locked, versions)
    change = _last(locked)
    _require(_hindrance(locked, change, by=by, roles=roles))
    assert change is not None  # noqa: S101 - else it is refused
    line = _undo(locked, change, by=by, role=strongest(roles & STAFF), note=note)
    performing.copy(locked, to=report)
    return line


@transaction.atomic
def take_back(
    change: StatusChange,
    *,
    by: User,
    roles: frozenset[str],
    note: str = "",
    is_late: bool = True,
) -> StatusChange:
    """Undo this step, if nothing has changed the report since but what was undone already.

    It is for steps that were taken as one action, which is undone as one: with many reports, or one
    after the other with one report. Unless `is_late`, only within STEP_UNDO_MINUTES.

    Raises:
        UndoRefused: something has, or it is no step that `by` may undo, or it was announced.
    """
    reports = Report.objects.select_for_update(of=("self",)).with_related()
    locked = reports.get(pk=change.report_id)
    if not _is_last_that_stands(locked, change):
        is_stepped = locked.history.filter(version__gt=change.version).exists()
        raise UndoRefused(
            "Another step was taken with it since."
            if is_stepped
            else "The report has changed since its last step."
        )
    _require(_refusal(change, by=by, roles=roles) or ("" if is_late else _lateness(change)))
    return _undo(locked, change, by=by, role=strongest(roles & STAFF), note=note)


def take_back_unheard(report: Report, name: str, *, by: User) -> bool:
    """Undo the step of this name with a locked report, if it is the last and nobody heard of it.

    It is for steps that `undo` does not take back, since more than the report depends on them; the
    caller has checked that `by` may, and sees to the rest. Return whether it was undone.
    """
    change = _last(report)
    if change is None or change.step != name or change.before is None:
        return False
    if change.version != report.version or not announcing.take_back(report, change):
        return False
    _restore(report, change, by=by, role=history.role_of(by), note="")
    return True


def _undo(report: Report, change: StatusChange, *, by: User, role: str, note: str) -> StatusChange:
    """Take back the messages about a step with a locked report, and what it changed.

    Raises:
        UndoRefused: somebody has been told.
    """
    if not announcing.take_back(report, change):
        raise UndoRefused("People have been told of it; take another step instead.")
    return _restore(report, change, by=by, role=role, note=note)


def _require(refusal: str) -> None:
    if refusal:
        raise UndoRefused(refusal)


def undoable(report: Report, *, by: User, roles: frozenset[str]) -> StatusChange | None:
    """Return the step that `by` could undo at this moment, or None."""
    change = _last(report)
    if change is None or _hindrance(report, change, by=by, roles=roles):
        return None
    is_untold = announcing.is_pending(change) or not messages.is_heard(report, change)
    return change if is_untold else None


def _last(report: Report) -> StatusChange | None:
    """Return the line of the last change, or its first one if a rule of routing added another."""
    lines = report.history.select_related("by").order_by("-version", "id")
    return lines.first()


def _is_last_that_stands(report: Report, change: StatusChange) -> bool:
    """Return whether all that has changed the report since this step was undone again."""
    later = report.history.filter(version__gt=change.version)
    lines = list(later.values_list("version", "undoes", "undone_by"))
    settled = {version for version, undoes, undone_by in lines if undoes or undone_by}
    return {line[0] for line in lines} == settled and (
        report.version == change.version + len(settled)
    )


def _hindrance(
    report: Report, change: StatusChange | None, *, by: User, roles: frozenset[str]
) -> str:
    """Return why the last change of a report cannot be undone now, or "".

    Whether messages about it were sent is not looked at.
    """
    refusal = _refusal(change, by=by, roles=roles)
    if change is not None and not refusal and change.version != report.version:
        return "The report has changed since its last step."
    return refusal or _lateness(change)


def _refusal(change: StatusChange | None, *, by: User, roles: frozenset[str]) -> str:
    """Return why a change cannot be undone by this person, or ""."""
    if change is None or change.before is None or not _can_be_undone(change):
        return "The last change is no step that can be undone."
    if change.role not in STAFF or not roles & STAFF:
        return "Only steps of staff can be undone, by staff."
    if change.by != by and not roles & MANAGERS:
        return "Only a manager undoes the step of somebody else."
    return ""


def _can_be_undone(change: StatusChange) -> bool:
    """Return whether a change is of a kind that is undone: a step, or an edit of staff."""
    if not change.step:
        return change.from_status != ""
    step = table.step_named(change.step, change.from_status)
    return step is not None and step.can_be_undone


def _lateness(change: StatusChange | None) -> str:
    """Return the sentence that the change is too old to be undone; "" if it is not."""
    if change is None or change.at >= database.now() - timedelta(
        minutes=settings.STEP_UNDO_MINUTES
    ):
        return ""
    return f"Only within {settings.STEP_UNDO_MINUTES} minutes can a step be undone."


def _restore(
    report: Report, change: StatusChange, *, by: User, role: str, note: str
) -> StatusChange:
    came_from = report.status
    values = _values(change) | {"updated_at": database.now()}
    changes = performing.set_values(report, values)
    Report.objects.filter(pk=report.pk).update(**values)
    report.version += 1
    record_audit_event.send(
        "report.step_undone", str(by.pk), f"report:{report.pk}", {"step": change.step}
    )
    return history.write(
        report,
        from_status=came_from,
        version=report.version,
        step=UNDO,
        undoes=change,
        by=by,
        role=role,
        note=note,
        is_internal=True,
        fields=changes["fields"],
    )


def _values(change: StatusChange) -> dict[str, Any]:
    """Return the values before the step, as the report's fields hold them."""
    fields = Report._meta  # noqa: SLF001 - Django's own name
    before: dict[str, Any] = change.before or {}
    return {name: fields.get_field(name).to_python(value) for name, value in before.items()}  # type: ignore[union-attr]
