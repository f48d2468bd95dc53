"""Reports as things to moderate."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models.functions import Now

from accounts.models import User
from jobs.ledger import database
from reports.following import announcing
from reports.models import Report, Status, SubjectKind
from reports.moderation.subjects import Author, Subject
from reports.workflow import transitions


def _texts(report_ids: Collection[UUID]) -> dict[UUID, str]:
    reports = Report.objects.filter(pk__in=report_ids).values_list("pk", "title", "description")
    return {pk: f"{title}\n{description}".strip() for pk, title, description in reports}


def _reporter(report_id: UUID) -> Author:
    report = Report.objects.only("reporter_id", "is_live").get(pk=report_id)
    if not report.is_live:
        return Author()
    return Author(report.reporter_id, is_anonymous_reporter=report.reporter_id is None)


def _publish(report_id: UUID, by: User, since: datetime | None) -> None:
    """Make a report public; one that moderation rejected is triaged again."""
    report = Report.objects.get(pk=report_id)
    if report.status == Status.REJECTED:
        note = "It was looked at again."
        transitions.change_status(report, to=Status.TRIAGED, by=by, note=note, is_publishing=False)
    now = database.now()
    Report.objects.filter(pk=report_id).update(published_at=since or now, updated_at=now)
    announcing.announce_report(Report.objects.select_related("category").get(pk=report_id))


def _withhold(report_id: UUID) -> datetime | None:
    public_since = Report.objects.values_list("published_at", flat=True).get(pk=report_id)
    if public_since is not None:
        Report.objects.filter(pk=report_id).update(published_at=None, updated_at=Now())
    return public_since


def _reject(report_id: UUID, by: User, note: str) -> bool:
    """Reject the report where its status allows that; work that is done stays done."""
    report = Report.objects.get(pk=report_id)
    if Status.REJECTED not in transitions.allowed_from(report.status):
        return False
    transitions.change_status(report, to=Status.REJECTED, by=by, note=note)
    return True


SUBJECT = Subject(
    kind=SubjectKind.REPORT,
    texts=_texts,
    author=_reporter,
    publish=_publish,
    withhold=_withhold,
    reject=_reject,
)
