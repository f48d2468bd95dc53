"""Change the status of reports, and record and notify each change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.ledger import database
from reports.errors import StatusChangedMeanwhile, TransitionNotAllowed
from reports.following import announcing
from reports.models import (
    OPEN_STATUSES,
    Merge,
    ModerationCase,
    Report,
    Status,
    StatusChange,
)

# Each line: a report in this status may get any of these.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    Status.NEW: (
        Status.TRIAGED,
        Status.IN_PROGRESS,
        Status.RESOLVED,
        Status.CLOSED,
        Status.REJECTED,
        Status.DUPLICATE,
    ),
    Status.TRIAGED: (
        Status.IN_PROGRESS,
        Status.RESOLVED,
        Status.CLOSED,
        Status.REJECTED,
        Status.DUPLICATE,
    ),
    Status.IN_PROGRESS: (
        Status.TRIAGED,
        Status.RESOLVED,
        Status.CLOSED,
        Status.REJECTED,
        Status.DUPLICATE,
    ),
    Status.RESOLVED: (Status.CLOSED, Status.IN_PROGRESS),
    Status.CLOSED: (Status.IN_PROGRESS,),
    Status.REJECTED: (Status.TRIAGED,),
    Status.DUPLICATE: (Status.TRIAGED,),
}


def allowed_from(status: str) -> tuple[str, ...]:
    """Return the statuses that may follow this one."""
    return TRANSITIONS[status]


def check(came_from: str, to: str) -> None:
    """Check that one status may follow the other.

    Raises:
        TransitionNotAllowed: it may not.
    """
    if to not in allowed_from(came_from):
        raise TransitionNotAllowed(_refusal(came_from, to))


def change_status(
    report: Report, *, to: str, by: User | None, note: str = "", is_publishing: bool = False
) -> StatusChange:
    """Change the status to `to`, write the history, and notify its followers, in one transaction.

    `report` gets the new values too. Without `by` the change is automatic and nobody is notified.
    Only with `is_publishing` does a report that was not public become it.

    Raises:
        TransitionNotAllowed: `to` may not follow the present status.
        StatusChangedMeanwhile: the stored status is no longer that of `report`.
    """
    came_from = report.status
    fields = _step(report, to=to, is_publishing=is_publishing)
    with transaction.atomic():
        # Two people may have the same report open: only the first leaves the status that both of
        # them saw.
        if not Report.objects.filter(pk=report.pk, status=came_from).update(**fields):
            raise StatusChangedMeanwhile
        is_published = report.published_at is None and fields["published_at"] is not None
        if is_published or to == Status.REJECTED:
            ModerationCase.objects.settle(report, by=by, is_public=is_published)
        _set(report, fields)
        change = StatusChange.objects.create(
            report=report, from_status=came_from, to_status=to, by=by, note=note
        )
        if came_from == Status.DUPLICATE:
            Merge.objects.end(report, by=by)
        if by is not None:
            _record_and_notify(report, change, by)
        if is_published:
            announcing.announce_report(report)
    return change


def triage(report: Report, *, note: str, by: User | None = None) -> list[str]:
    """Triage a new report that the caller has locked; write its history, return the fields to save.

    The report is not published. `by` is the person who chose its category; without one the reporter
    is not notified.
    """
    came_from, fields = report.status, _step(report, to=Status.TRIAGED, is_publishing=False)
    _set(report, fields)
    change = StatusChange.objects.create(
        report=report, from_status=came_from, to_status=Status.TRIAGED, by=by, note=note
    )
    if by is not None:
        _record_and_notify(report, change, by)
    return list(fields)


def annotate(report: Report, *, note: str, by: User) -> StatusChange:
    """Add a line to the history without changing the status, such as where the report went."""
    return StatusChange.objects.create(
        report=report, from_status=report.status, to_status=report.status, by=by, note=note
    )


def _step(report: Report, *, to: str, is_publishing: bool) -> dict[str, Any]:
    """Return the fields that change with this status.

    Raises:
        TransitionNotAllowed: `to` may not follow the present status.
    """
    check(report.status, to)
    now = database.now()
    return {
        "status": to,
        "updated_at": now,
        "closed_at": None if to in OPEN_STATUSES else report.closed_at or now,
        "published_at": _publication(report, now if is_publishing else None, to=to),
    }


def _set(report: Report, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(report, name, value)


def _publication(report: Report, published_at: datetime | None, *, to: str) -> datetime | None:
    """Return since when the report is public, now perhaps; a rejected one is withdrawn.

    What moderation has rejected becomes public only by its approval.
    """
    if to == Status.REJECTED:
        return None
    if report.published_at is None and published_at and ModerationCase.objects.forbids(report):
        return None
    return report.published_at or published_at


def _record_and_notify(report: Report, change: StatusChange, by: User) -> None:
    record_audit_event.send(
        "report.status_changed",
        str(by.pk),
        f"report:{report.pk}",
        {"from": change.from_status, "to": change.to_status},
    )
    announcing.announce_step(report, change)


def _refusal(came_from: str, to: str) -> str:
    allowed = ", ".join(allowed_from(came_from))
    return f"A report that is {came_from} cannot become {to}. Allowed from here: {allowed}."
