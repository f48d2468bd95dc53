"""Which department answers a report, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actors import record_audit_event
from accounts.models import User
from reports.models import Category, CategorySource, Department, Report, Severity, Status
from reports.workflow import transitions

# The category's hours hold at medium severity.
DEADLINE_FACTORS: dict[str, float] = {
    Severity.LOW: 2.0,
    Severity.MEDIUM: 1.0,
    Severity.HIGH: 0.5,
    Severity.CRITICAL: 0.25,
}
# What staff may edit, and what follows from it.
EDITABLE = {
    "title",
    "description",
    "severity",
    "address",
    "latitude",
    "longitude",
    "category",
    "department",
}
FOLLOWING = ("category_source", "category_confidence", "department", "due_at", "updated_at")
CHOSEN_BY_NOBODY = (CategorySource.NONE, CategorySource.CLASSIFIER)


def apply_classification(report_id: str, category: Category | None, confidence: float) -> None:
    """The classifier's answer is stored, unless a person has chosen a category meanwhile, and the
    report is routed.

    In the caller's transaction, as `route`.
    """
    report = _locked(report_id)
    if category is not None and report.category_source in CHOSEN_BY_NOBODY:
        report.category, report.category_confidence = category, confidence
        report.category_source = CategorySource.CLASSIFIER
    _assign(report)


def route(report_id: str) -> None:
    """The report has a department and a deadline; with a certain category it is triaged.

    An uncertain one goes to the triage department and stays new, with the guess kept as a proposal.
    A department that it has already stays, so routing twice changes nothing; so does a status that
    staff has set.
    """
    _assign(_locked(report_id))


def _locked(report_id: str | UUID) -> Report:
    """The report as it is now; nobody changes it until this transaction ends."""
    return (
        Report.objects.select_for_update(of=("self",))
        .select_related("category__department")
        .get(pk=report_id)
    )


def _assign(report: Report) -> None:
    """Store where a locked report goes, see `route`, in one statement with its category and status."""
    certain = is_certain(report)
    if report.department_id is None:
        report.department = _department_of(report, certain=certain)
    report.due_at = deadline(report)
    report.updated_at = timezone.now()
    moved = []
    if certain and report.status == Status.NEW:
        moved = transitions.triage(report, note=f"Sent to {report.department}.")
    report.save(update_fields={"category", *FOLLOWING, *moved})


def is_certain(report: Report) -> bool:
    """Whether a person chose the category, or the classifier did with enough confidence."""
    if report.category is None:
        return False
    if report.category_source != CategorySource.CLASSIFIER:
        return True
    return (report.category_confidence or 0.0) >= settings.CLASSIFICATION_MIN_CONFIDENCE


def _department_of(report: Report, *, certain: bool) -> Department | None:
    of_category = report.category.department if report.category else None
    if certain:
        return of_category
    return Department.objects.filter(is_triage=True).first() or of_category


def deadline(report: Report) -> datetime:
    """When it has to be done, by its category and severity."""
    hours = report.category.sla_hours if report.category else settings.TRIAGE_DEADLINE_HOURS
    return report.created_at + timedelta(hours=hours * DEADLINE_FACTORS[report.severity])


@transaction.atomic
def revise(report: Report, changes: Mapping[str, Any], *, by: User) -> None:
    """What staff edited is stored and audited; with another category or severity the report has its
    new deadline.

    A category that staff chose is certain: unless they chose the department too, it goes where that
    category belongs. One without a category goes to the triage department, and stays where it is
    when there is none. What they did not edit stays as it is by then.
    """
    fields = changes.keys() & EDITABLE
    if not fields:
        return
    report = _locked(report.pk)
    for name in fields:
        setattr(report, name, changes[name])
    if "category" in fields:
        report.category_source = CategorySource.STAFF if report.category else CategorySource.NONE
        report.category_confidence = None
        if "department" not in fields:
            report.department = (
                _department_of(report, certain=is_certain(report)) or report.department
            )
    report.due_at = deadline(report)
    report.updated_at = timezone.now()
    report.save(update_fields=[*fields, *FOLLOWING])
    record_audit_event.send(
        "report.revised", str(by.pk), f"report:{report.pk}", {"fields": sorted(fields)}
    )
