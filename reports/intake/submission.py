"""Accept a citizen's report."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from reports.actors import acknowledge_report, classify_report, route_report
from reports.duplicates import checking
from reports.errors import LikelyDuplicate
from reports.intake import limits
from reports.models import (
    Category,
    CategorySource,
    Report,
    Severity,
    SeveritySource,
    Status,
    StatusChange,
    hash_tracking_token,
    new_tracking_token,
)


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

    A signed-in citizen's report is public at once, an anonymous one once staff accepts it. A
    category that the reporter chose is kept and not classified. `host` is the address it came from.

    Raises:
        IntakeRefused: its author, place or words have reached a limit.
        LikelyDuplicate: `stops_duplicates`, and an open report near by is probably the same.
    """
    token = None if reporter else new_tracking_token()
    with transaction.atomic():
        _within_limits(new, reporter=reporter, host=host)
        if stops_duplicates:
            _refuse_duplicate(new, reporter=reporter)
        report = _store(new, reporter=reporter, token=token)
        _send_tasks(report)
    return Submission(report, token)


def _within_limits(new: NewReport, *, reporter: User | None, host: str) -> None:
    text = f"{new.title} {new.description}"
    limits.spend(reporter, host, text=text, latitude=new.latitude, longitude=new.longitude)


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


def _store(new: NewReport, *, reporter: User | None, token: str | None) -> Report:
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
        published_at=Now() if reporter else None,
    )
    report.published_at = report.created_at if reporter else None
    StatusChange.objects.create(
        report=report, to_status=Status.NEW, by=reporter, at=report.created_at
    )
    return report


def _send_tasks(report: Report) -> None:
    report_id, reporter_id = str(report.pk), str(report.reporter_id) if report.reporter_id else None
    if report.category_id is None:
        classify_report.send(report_id)
    else:
        route_report.send(report_id)
    acknowledge_report.send(report_id, reporter_id, report.title)
