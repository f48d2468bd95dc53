"""Accept a citizen's report."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from reports.actors import acknowledge_report, classify_report, route_report
from reports.duplicates import checking
from reports.errors import LikelyDuplicate
from reports.following import follows
from reports.following.follows import Standing
from reports.intake import limits
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
from reports.moderation import cases, judging
from reports.moderation.judging import Reason


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


@dataclass(frozen=True)
class Submission:
    """The stored report, and an anonymous reporter's tracking token, which is shown only once."""

    report: Report
    tracking_token: str | None


def submit_report(
    new: NewReport,
    *,
    reporter: User | None,
    host: str = "unknown",
    stops_duplicates: bool = False,
) -> Submission:
    """Store the report, the first line of its history and all its tasks, or nothing.

    A signed-in citizen's report is public at once unless it has to wait for moderation, as an
    anonymous one always does. A category that the reporter chose is kept and not classified. `host`
    is the address it came from.

    Raises:
        IntakeRefused: its author, place or words have reached a limit.
        LikelyDuplicate: `stops_duplicates`, and an open report near by is probably the same.
    """
    token = None if reporter else new_tracking_token()
    with transaction.atomic():
        reasons = _reasons_to_wait(new, reporter=reporter, host=host)
        if stops_duplicates:
            _refuse_duplicate(new, reporter=reporter)
        report = _store(new, reporter=reporter, token=token, is_public=not reasons)
        if reasons:
            cases.hold(report, SubjectKind.REPORT, report.pk, reasons)
        _let_follow(report)
        _send_tasks(report)
    return Submission(report, token)


def _reasons_to_wait(new: NewReport, *, reporter: User | None, host: str) -> list[Reason]:
    """Count the report against the limits; return why it has to wait for moderation, if it has."""
    text = f"{new.title} {new.description}"
    is_repeated = limits.spend(
        reporter, host, text=text, latitude=new.latitude, longitude=new.longitude
    )
    return judging.judge(text, reporter, is_repeated=is_repeated)


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


def _store(new: NewReport, *, reporter: User | None, token: str | None, is_public: bool) -> Report:
    report = Report.objects.create(
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
    )
    report.published_at = report.created_at if is_public else None
    StatusChange.objects.create(
        report=report, to_status=Status.NEW, by=reporter, at=report.created_at
    )
    return report


def _let_follow(report: Report) -> None:
    """Let the reporter follow the report."""
    if report.reporter_id is None:
        follows.attach_standing(report, Standing())
        return
    follows.follow_from_the_start(report, report.reporter_id)
    follows.attach_standing(report, Standing(follower_count=1, is_followed=True))


def _send_tasks(report: Report) -> None:
    report_id, reporter_id = str(report.pk), str(report.reporter_id) if report.reporter_id else None
    if report.category_id is None:
        classify_report.send(report_id)
    else:
        route_report.send(report_id)
    acknowledge_report.send(report_id, reporter_id, report.title)
