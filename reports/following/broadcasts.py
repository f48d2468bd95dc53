"""Notify the followers of a report, some at a time."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from notifications import broadcasts
from notifications.broadcasts import Addressee
from reports.following import follows, unsubscribing
from reports.models import Report

BATCH_PEOPLE = 500


def notify_batch(
    report_id: str,
    template: str,
    facts: dict[str, str],
    event: str,
    *,
    besides: list[str],
    after: str,
) -> str:
    """Notify the next people who follow a report; return the last one's id, "" after the end.

    Nobody is notified of a report that is not public any more.
    """
    report = Report.objects.get(pk=report_id)
    if report.published_at is None:
        return ""
    start = UUID(after) if after else None
    batch = follows.followers_of(report.pk, after=start, limit=BATCH_PEOPLE)
    addressees = [
        Addressee(user_id, _context(report, followed, user_id, facts))
        for user_id, followed in batch
        if str(user_id) not in besides
    ]
    broadcasts.send(addressees, template, event=event, per_day=settings.UPDATES_PER_CITIZEN_DAY)
    return str(batch[-1][0]) if len(batch) == BATCH_PEOPLE else ""


def _context(
    report: Report, followed: UUID, user_id: UUID, facts: dict[str, str]
) -> dict[str, str]:
    """Return the message's facts; the link ends what this person follows."""
    return {
        "report_id": str(report.pk),
        "path": f"/reports/{report.pk}",
        "title": report.title,
        "unsubscribe_path": unsubscribing.path_for_report(user_id, followed),
        **facts,
    }
