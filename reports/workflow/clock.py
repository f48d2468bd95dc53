"""The steps that time takes: waiting reports go on, resolved ones without an answer are closed.

A report whose repair a photo shows is closed as confirmed by that photo, others as unconfirmed.

Each may come too early or twice, when a report waits again or was resolved anew: then nothing
happens. Times are by PostgreSQL's clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from jobs.failpoints import failpoint
from jobs.ledger import database
from reports.models import (
    Confirmation,
    ConfirmedBy,
    Photo,
    PhotoKind,
    PhotoState,
    Report,
    Role,
    Status,
    StatusChange,
)
from reports.workflow import performing, table
from reports.workflow.performing import NOTHING, Inputs

#: A task may start this much before the time by PostgreSQL's clock, to which it was sent.
TOLERANCE = timedelta(seconds=1)


def wake(report_id: str) -> bool:
    """Resume a report that has waited long enough; return whether it was resumed.

    Runs in the caller's transaction.
    """
    report = Report.objects.select_for_update().get(pk=report_id)
    if report.status != Status.WAITING or not _has_come(report.waiting_until):
        return False
    _take(report, "resume")
    return True


def close_unanswered(batch: int = 500) -> int:
    """Close reports that were resolved longer ago than the window; return how many.

    Runs in the caller's transaction. Reports that somebody works on at this moment are left for the
    next time, and so are those with a photo of the repair that is still being processed.
    """
    resolved = Report.objects.filter(status=Status.RESOLVED, is_live=True)
    late = resolved.filter(closed_at__lte=database.now() - window()).order_by("closed_at")
    unread = Photo.objects.filter(
        report=OuterRef("pk"), kind=PhotoKind.REPAIR, state=PhotoState.PENDING
    )
    settled = late.exclude(Exists(unread))
    reports = list(settled.select_for_update(of=("self",), skip_locked=True)[:batch])
    pictured = set(
        Photo.objects.proving_repair().filter(report__in=reports).values_list("report", flat=True)
    )
    for report in reports:
        _close(report, _proof(report) if report.pk in pictured else None)
    return len(reports)


def _proof(report: Report) -> Photo | None:
    """Return the first photo of the repair since the last reopening of a locked report, locked.

    Whoever takes it down at this moment was faster, or waits until the report is closed.
    """
    photos = Photo.objects.proving_repair().filter(report=report).order_by("created_at", "pk")
    reopening = StatusChange.objects.last_reopening_of(report)
    if reopening is not None:
        photos = photos.filter(created_at__gt=reopening.at)
    return photos.select_for_update(of=("self",)).first()


def _close(report: Report, proof: Photo | None) -> None:
    """Close a locked report, as confirmed if a photo shows the repair."""
    resolution = StatusChange.objects.resolution_of(report)
    if proof is None or resolution is None:
        _take(report, "expire")
        return
    _take(report, "confirm", Inputs(note="Confirmed by a photo of the repair."))
    Confirmation.objects.create(
        report=report,
        resolution=resolution.pk,
        source=ConfirmedBy.PHOTO,
        is_fixed=True,
        photo=proof,
    )
    failpoint("confirmed_by_photo")


def window() -> timedelta:
    """Return how long a reporter may answer whether the problem is repaired."""
    return timedelta(days=settings.CONFIRMATION_WINDOW_DAYS)


def window_ends_at(report: Report) -> datetime | None:
    """Return until when the reporter may answer, or None while work on the report goes on."""
    return report.closed_at and report.closed_at + window()


def _has_come(at: datetime | None) -> bool:
    return at is not None and at <= database.now() + TOLERANCE


def _take(report: Report, name: str, inputs: Inputs = NOTHING) -> None:
    step = table.step_named(name, report.status)
    assert step is not None  # noqa: S101 - the table has them all
    performing.perform(report, step, by=None, role=Role.SYSTEM, inputs=inputs)
