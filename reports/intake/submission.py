"""Accept a citizen's report."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from jobs.ledger import rows
from jobs.ledger.database import lock
from jobs.ledger.together import together
from reports.acknowledging import acknowledge
from reports.actors import classify_report, route_report
from reports.duplicates import checking
from reports.errors import LikelyDuplicate
from reports.following import contacts, follows
from reports.following.contacts import Contact
from reports.following.follows import Standing
from reports.geography import addresses, boundary
from reports.intake import answers, limits
from reports.intake.answers import Checked
from reports.models import (
    Category,
    CategorySource,
    Report,
    Severity,
    SeveritySource,
    Status,
    StatusChange,
    SubjectKind,
    hash_tracking_token,
    new_tracking_token,
)
from reports.moderation import cases, judging, repetition
from reports.moderation.judging import Reason
from reports.moderation.programs import Program
from reports.moderation.repetition import Copies


@dataclass(frozen=True, kw_only=True)
class NewReport:
    """A report as a citizen describes it; coordinates in degrees (WGS 84)."""

    title: str
    description: str
    latitude: float
    longitude: float
    severity: str | None = None
    address: str = ""
    category: Category | None = None
    answers: Checked = field(default_factory=list)
    contact: Contact | None = None
    client_id: UUID | None = None
    device_at: datetime | None = None
    accuracy_metres: float | None = None


@dataclass(frozen=True)
class Submission:
    """The stored report, and an anonymous reporter's tracking token, which is shown only once.

    `arrival` is the first line of its history, None where the report was sent before; `reasons` say
    why a new one waits for moderation.
    """

    report: Report
    tracking_token: str | None
    arrival: StatusChange | None = None
    reasons: Sequence[Reason] = ()

    @property
    def is_repeated(self) -> bool:
        return self.arrival is None


def submit_report(
    new: NewReport,
    *,
    reporter: User | None,
    host: str = "unknown",
    stops_duplicates: bool = False,
    program: Program | None = None,
) -> Submission:
    """Store the report, the first line of its history and all its tasks, or nothing.

    A signed-in citizen's report is public at once unless it has to wait for moderation, as an
    anonymous one always does. A category that the reporter chose is kept and not classified. `host`
    is the address it came from, `program` what sent it for its reporter. A report whose `client_id`
    the reporter sent before is not stored again; the earlier one is returned.

    Raises:
        OutsideBoundary: the city does not serve the place.
        IntakeRefused: its author, place or words have reached a limit.
        LikelyDuplicate: `stops_duplicates`, and an open report near by is probably the same.
    """
    token = None if reporter else _tracking_token(new.client_id)
    with transaction.atomic(), together():
        if new.client_id and (earlier := _sent_before(new.client_id, reporter)):
            return Submission(earlier, token)
        boundary.require_inside(new.latitude, new.longitude)
        judgement = _judge(new, reporter=reporter, host=host, program=program)
        if stops_duplicates:
            _refuse_duplicate(new, reporter=reporter)
        report = _store(new, reporter=reporter, token=token, judgement=judgement)
        arrival = _begin_history(report)
        _carry_out(judgement, report)
        answers.store(report, new.answers)
        _keep_in_touch(report, reporter, new.contact)
        _send_task(report)
    return Submission(report, token, arrival, judgement.reasons)


def _sent_before(client_id: UUID, reporter: User | None) -> Report | None:
    """Return the report that this sender's client sent under its id, after any that is under way.

    The lock makes a second request wait for the end of the first.
    """
    lock(f"report {client_id} {reporter.pk if reporter else ''}")
    return Report.objects.with_related().filter(client_id=client_id, reporter=reporter).first()


def _tracking_token(client_id: UUID | None) -> str:
    """Return a new tracking token; with a client's id always the same, so that it can be repeated.

    Whoever knows the id of an anonymous report, a random one, is its sender.
    """
    if client_id is None:
        return new_tracking_token()
    digest = hmac.digest(settings.TRACKING_KEY.encode(), client_id.bytes, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class _Judgement:
    """Why a report has to wait for moderation, and what is stored to notice copies of it."""

    reasons: list[Reason]
    digest: int | None
    copies: Copies | None


def _judge(
    new: NewReport, *, reporter: User | None, host: str, program: Program | None = None
) -> _Judgement:
    """Count the report against the limits, and judge whether it has to wait for moderation.

    The reporter's row is locked along with that, for the credit that follows.
    """
    text = f"{new.title} {new.description}"
    is_by_staff = reporter is not None and reporter.is_staff
    digest = None if is_by_staff else repetition.digest_of(text)
    place = {"latitude": new.latitude, "longitude": new.longitude}
    sent = limits.spend(reporter, host, text=text, digest=digest, program=program, **place)
    copies = None
    if digest is not None and repetition.are_too_many(sent.by_all):
        copies = repetition.reports_like(digest, author=reporter, **place)
    reasons = judging.judge(
        text,
        reporter,
        is_repeated=sent.by_author > 1,
        is_vouched_for=program is not None and program.is_vouched_for,
        others=copies.reasons if copies else (),
        is_locking=True,
    )
    return _Judgement(reasons, digest, copies)


def _carry_out(judgement: _Judgement, report: Report) -> None:
    """Queue the report for moderation, and earlier copies of it with it, as the judgement says."""
    if judgement.reasons:
        cases.hold(report, SubjectKind.REPORT, report.pk, judgement.reasons)
    if judgement.copies is not None:
        repetition.queue_earlier(judgement.copies)


def _refuse_duplicate(new: NewReport, *, reporter: User | None) -> None:
    candidates = checking.check(
        new.title,
        new.description,
        latitude=new.latitude,
        longitude=new.longitude,
        reporter=reporter,
    )
    if candidates:
        raise LikelyDuplicate(candidates)


def _store(
    new: NewReport, *, reporter: User | None, token: str | None, judgement: _Judgement
) -> Report:
    is_public = not judgement.reasons
    report = Report(
        reporter=reporter,
        tracking_token_hash=hash_tracking_token(token) if token else None,
        title=new.title,
        description=new.description,
        latitude=new.latitude,
        longitude=new.longitude,
        address=new.address,
        severity=new.severity or Severity.MEDIUM,
        severity_source=SeveritySource.REPORTER if new.severity else SeveritySource.NONE,
        category=new.category,
        category_source=CategorySource.REPORTER if new.category else CategorySource.NONE,
        published_at=Now() if is_public else None,
        text_digest=judgement.digest,
        client_id=new.client_id,
        device_at=new.device_at,
        accuracy_metres=new.accuracy_metres,
    )
    rows.insert_together(report)
    return report


def _begin_history(report: Report) -> StatusChange:
    """Add the first line of the history, whose time is that of the report."""
    arrival = StatusChange(report=report, to_status=Status.NEW, by=report.reporter, at=Now())
    rows.insert_together(arrival)
    return arrival


def _keep_in_touch(report: Report, reporter: User | None, contact: Contact | None) -> None:
    """Store where an anonymous reporter is reached; let others follow; acknowledge the report."""
    if reporter is None and contact is not None:
        contacts.keep(report, contact)
    _let_follow(report)
    acknowledge(
        report.pk, report.title, reporter_id=report.reporter_id, reporter=reporter, is_new=True
    )


def _let_follow(report: Report) -> None:
    """Let the reporter follow the report."""
    if report.reporter_id is None:
        follows.attach_standing(report, Standing())
        return
    follows.follow_from_the_start(report, report.reporter_id)
    follows.attach_standing(report, Standing(follower_count=1, is_followed=True))


def _send_task(report: Report) -> None:
    if report.category_id is None:
        classify_report.send(str(report.pk))
    else:
        route_report.send(str(report.pk))
    addresses.look_up(report)
