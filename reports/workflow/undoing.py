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
    line = _undo(locked, by=by, roles=roles, note=note, is_late=False)
    performing.copy(locked, to=report)
    return line


@transaction.atomic
def take_back(
    change: StatusChange, *, by: User, roles: frozenset[str], note: str = ""
) -> StatusChange:
    """Undo this step, however long ago it was, if nothing has changed the report since.

    It is for steps that were taken with many reports as one action, which is undone as one.

    Raises:
        UndoRefused: something has, or it is no step that `by` may undo, or it was announced.
    """
    reports = Report.objects.select_for_update(of=("self",)).with_related()
    locked = reports.get(pk=change.report_id)
    last = _last(locked)
    if last is None or last.pk != change.pk:
        raise UndoRefused("Another step was taken with it since.")
    return _undo(locked, by=by, roles=roles, note=note, is_late=True)


def _undo(
    report: Report, *, by: User, roles: frozenset[str], note: str, is_late: bool
) -> StatusChange:
    """Undo the last step with a locked report.

    Raises:
        UndoRefused: it cannot be undone.
    """
    change = _last(report)
    refusal = _refusal(report, change, by=by, roles=roles)
    refusal = refusal or ("" if is_late else _lateness(change))
    if refusal:
        raise UndoRefused(refusal)
    assert change is not None  # noqa: S101 - else it is refused
    if not announcing.take_back(report, change):
        raise UndoRefused("People have been told of it; take another step instead.")
    return _restore(report, change, by=by, role=strongest(roles & STAFF), note=note)


def undoable(report: Report, *, by: User, roles: frozenset[str]) -> StatusChange | None:
    """Return the step that `by` could undo at this moment, or None."""
    change = _last(report)
    if change is None or _refusal(report, change, by=by, roles=roles) or _lateness(change):
        return None
    is_untold = announcing.is_pending(change) or not messages.is_heard(report, change)
    return change if is_untold else None


def _last(report: Report) -> StatusChange | None:
    return report.history.select_related("by").order_by("-id").first()


def _refusal(
    report: Report, change: StatusChange | None, *, by: User, roles: frozenset[str]
) -> str:
    """Return why the last change cannot be undone, its messages aside, or ""."""
    step = table.step_named(change.step, change.from_status) if change else None
    if change is None or step is None or change.before is None or not step.can_be_undone:
        return "The last change is no step that can be undone."
    if change.version != report.version:
        return "The report has changed since its last step."
    if change.role not in STAFF or not roles & STAFF:
        return "Only steps of staff can be undone, by staff."
    if change.by != by and not roles & MANAGERS:
        return "Only a manager undoes the step of somebody else."
    return ""


def _lateness(change: StatusChange | None) -> str:
    """Return that the change is too old to be undone, or ""."""
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
