"""Corrections of a report by its reporter, while nobody works on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.http.limits import Refusal, counts_with_effect
from jobs.ledger import database
from reports.actors import classify_report, route_report
from reports.errors import WorkHasBegun
from reports.geography import addresses, boundary
from reports.models import (
    UNTOUCHED_STATUSES,
    CategorySource,
    Correction,
    Report,
    Role,
    RoutedBy,
    SubjectKind,
)
from reports.moderation import cases, judging, repetition
from reports.moderation.repetition import Copies
from reports.workflow import transitions
from reports.workflow.versions import require as require_version

CORRECTABLE = ("title", "description", "latitude", "longitude", "address", "category")
TEXTS, COORDINATES = {"title", "description"}, {"latitude", "longitude"}
PLACE = {*COORDINATES, "address"}


@transaction.atomic
def correct(
    report: Report,
    changes: Mapping[str, Any],
    *,
    by: User | None,
    versions: Collection[int] | None = None,
) -> None:
    """Store what a reporter corrected, with its history; classify and route the report anew.

    Corrected words are judged again, so that nothing improper gets public by a correction. Without
    `by` it is the anonymous holder of the tracking token. Values that are as before change nothing.
    With `versions` the report must still be of one of them.

    Raises:
        ReportChanged: the report is of none of `versions` any more.
        OutsideBoundary: the city does not serve the corrected place.
        WorkHasBegun: somebody works on the report, or its work has ended.
    """
    locked = _untouched(report.pk, versions)
    before = {name: getattr(locked, name) for name in CORRECTABLE if name in changes}
    changed = {name for name, value in before.items() if value != changes[name]}
    if not changed:
        return
    for name in changed:
        setattr(locked, name, changes[name])
    if changed & COORDINATES:
        boundary.require_inside(locked.latitude, locked.longitude)
    _keep_history(locked, {name: before[name] for name in changed}, by=by)
    if "category" in changed:
        _choose_again(locked)
    addresses.follow_place(locked, changed)
    locked.updated_at = database.now()
    locked.save(update_fields={*changed, *_FOLLOWING, *addresses.FIELDS, "cell", "updated_at"})
    addresses.look_up(locked)
    if changed & TEXTS:
        _judge_again(locked, by)
    _send_tasks(locked, changed)


#: Fields that are decided anew for another category.
_FOLLOWING = ("category_source", "category_confidence", "department", "due_at")


def _untouched(report_id: UUID, versions: Collection[int] | None) -> Report:
    """Return the report as stored now, locked until this transaction ends."""
    locked = Report.objects.select_for_update(of=("self",)).with_related().get(pk=report_id)
    require_version(locked, versions)
    if locked.status not in UNTOUCHED_STATUSES:
        raise WorkHasBegun
    return locked


def _keep_history(report: Report, before: dict[str, Any], *, by: User | None) -> None:
    after = {name: getattr(report, name) for name in before}
    Correction.objects.create(report=report, by=by, before=_plain(before), after=_plain(after))
    names = {"place" if name in PLACE else name for name in before}
    note = f"Corrected by its reporter: {', '.join(sorted(names))}."
    transitions.annotate(report, note=note, by=by, fields=before, role=Role.REPORTER)
    _record("report.corrected", report, by, {"fields": sorted(before)})


def _choose_again(report: Report) -> None:
    """Let the reporter's category count as chosen, and its deadline and department follow.

    Routing decides anew, which keeps the department until then; one that it never chose is dropped.
    """
    source = CategorySource.REPORTER if report.category else CategorySource.NONE
    report.category_source, report.category_confidence = source, None
    report.due_at = None
    if report.routed_by == RoutedBy.NOBODY:
        report.department = None


def _judge_again(report: Report, by: User | None) -> None:
    """Hold the report back if its new words have to wait; an anonymous one waits as before."""
    text = f"{report.title} {report.description}"
    copies = _copies_of(report, text, by)
    if copies is not None:
        repetition.queue_earlier(copies)
    reasons = judging.judge(text, by, others=copies.reasons if copies else ())
    if by is not None and reasons:
        cases.hold_again(report, SubjectKind.REPORT, report.pk, reasons)


def _copies_of(report: Report, text: str, by: User | None) -> Copies | None:
    """Store what stands for the new words of a report; return copies by others, if it has many."""
    digest = None if by and by.is_staff else repetition.digest_of(text)
    if digest == report.text_digest:
        return None
    Report.objects.filter(pk=report.pk).update(text_digest=digest)
    if digest is None:
        return None
    counts = counts_with_effect([repetition.rule_of(SubjectKind.REPORT, digest)])
    if isinstance(counts, Refusal) or not repetition.are_too_many(counts[0]):
        return None
    return repetition.reports_like(
        digest, author=by, latitude=report.latitude, longitude=report.longitude
    )


def _send_tasks(report: Report, changed: set[str]) -> None:
    """Send the task that classifies the report anew, or the one that routes it alone."""
    if changed <= {"address"}:
        return
    is_open = report.category_source in {CategorySource.NONE, CategorySource.CLASSIFIER}
    if is_open and changed & (TEXTS | {"category"}):
        classify_report.send(str(report.pk))
    else:
        route_report.send(str(report.pk))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as JSON holds them: a category by its slug."""
    return {
        name: value.slug if name == "category" and value else value
        for name, value in values.items()
    }


def _record(event: str, report: Report, by: User | None, data: dict[str, Any]) -> None:
    record_audit_event.send(event, str(by.pk) if by else None, f"report:{report.pk}", data)
