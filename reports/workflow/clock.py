"""The steps that time takes: waiting reports go on, resolved ones without an answer are closed.

Each may come too early or twice, when a report waits again or was resolved anew: then nothing
happens. Times are by PostgreSQL's clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from jobs.ledger import database
from reports.models import Report, Role, Status
from reports.workflow import performing, table

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


def close_unconfirmed(batch: int = 500) -> int:
    """Close reports that were resolved longer ago than the window; return how many.

    Runs in the caller's transaction. Reports that somebody works on at this moment are left for the
    next time.
    """
    resolved = Report.objects.filter(status=Status.RESOLVED, is_live=True)
    late = resolved.filter(closed_at__lte=database.now() - window()).order_by("closed_at")
    reports = list(late.select_for_update(skip_locked=True)[:batch])
    for report in reports:
        _take(report, "expire")
    return len(reports)


def window() -> timedelta:
    """Return how long a reporter may answer whether the problem is repaired."""
    return timedelta(days=settings.CONFIRMATION_WINDOW_DAYS)


def window_ends_at(report: Report) -> datetime | None:
    """Return until when the reporter may answer, or None while work on the report goes on."""
    return report.closed_at and report.closed_at + window()


def _has_come(at: datetime | None) -> bool:
    return at is not None and at <= database.now() + TOLERANCE


def _take(report: Report, name: str) -> None:
    step = table.step_named(name, report.status)
    assert step is not None  # noqa: S101 - the table has both
    performing.perform(report, step, by=None, role=Role.SYSTEM)
