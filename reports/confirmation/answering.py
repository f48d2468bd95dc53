"""Take the answer to the question whether a problem is repaired.

It is asked once a report is resolved, and can be answered within a window after that. Opening the
report again ends it; when it is resolved anew, the question is asked anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from jobs.ledger import database
from reports.confirmation.tokens import Resolution
from reports.errors import ConfirmationOver, NothingToConfirm
from reports.models import (
    Confirmation,
    ConfirmedBy,
    Report,
    Role,
    Status,
    StatusChange,
)
from reports.workflow import clock, history, transitions
from reports.workflow.performing import Inputs
from reports.workflow.table import REPORTER

ANSWERABLE = (Status.RESOLVED, Status.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, from whom or what, with an optional text about what is still wrong."""

    is_fixed: bool
    source: str
    by: User | None = None
    note: str = ""


def resolution_of(report: Report) -> Resolution | None:
    """Return how work on the report ended, about which its reporters are asked.

    None while it is open, and if its reporter withdrew it.
    """
    if report.status not in ANSWERABLE:
        return None
    lines = StatusChange.objects.filter(report=report).order_by("-pk")
    ends = lines.filter(to_status__in=ANSWERABLE).exclude(from_status__in=ANSWERABLE)
    last = ends.first() or lines.first()
    if last is None or last.step == "withdraw":
        return None
    return Resolution(report.pk, last.pk)


def answer_to(report: Report) -> Confirmation | None:
    """Return the last answer to the question about the report's present resolution."""
    resolution = resolution_of(report)
    if resolution is None:
        return None
    return Confirmation.objects.filter(resolution=resolution.change_id).order_by("pk").last()


def is_over(report: Report) -> bool:
    """Return whether nobody can answer any more."""
    ends_at = clock.window_ends_at(report)
    return ends_at is None or ends_at <= database.now()


@transaction.atomic
def answer(resolution: Resolution, given: Answer) -> Confirmation:
    """Store an answer: "yes" closes the report as confirmed, "no" opens it again.

    The same answer a second time changes nothing. "No" can follow "yes", and is then the answer.

    Raises:
        NothingToConfirm: the report is no longer resolved in this way.
        ConfirmationOver: the window has ended.
    """
    report = (
        Report.objects.select_for_update(of=("self",))
        .with_related()
        .filter(pk=resolution.report_id)
        .first()
    )
    last = Confirmation.objects.filter(resolution=resolution.change_id).order_by("pk").last()
    if last is not None and last.is_fixed == given.is_fixed:
        return last
    if report is None or resolution_of(report) != resolution:
        raise NothingToConfirm
    if is_over(report):
        raise ConfirmationOver
    note = f"Answer of {ConfirmedBy(given.source).label}: {_word(given)}. {given.note}".strip()
    return carry_out(report, given, inputs=Inputs(note=note, is_internal=True))


def carry_out(report: Report, given: Answer, *, inputs: Inputs) -> Confirmation:
    """Take the step that follows from an answer, with `inputs`, and store the answer.

    The caller has locked the report and checked that it can be answered.
    """
    resolution = resolution_of(report)
    if resolution is None:
        raise NothingToConfirm
    if given.is_fixed and report.status == Status.CLOSED:
        _confirm_closed(report, given, note=inputs.note)
    else:
        name = "confirm" if given.is_fixed else "deny"
        transitions.take(report, name, by=given.by, roles=REPORTER, inputs=inputs)
    return Confirmation.objects.create(
        report=report,
        resolution=resolution.change_id,
        source=given.source,
        is_fixed=given.is_fixed,
        note=given.note,
        user=given.by,
    )


def _confirm_closed(report: Report, given: Answer, *, note: str) -> None:
    """Count a report that staff has closed meanwhile as a confirmed repair."""
    Report.objects.filter(pk=report.pk).update(confirmed_at=database.now())
    history.write(
        report,
        from_status=report.status,
        version=report.version + 1,
        by=given.by,
        role=Role.REPORTER,
        note=note,
        is_internal=True,
        fields=["confirmed_at"],
    )


def _word(given: Answer) -> str:
    return "repaired" if given.is_fixed else "not repaired"
