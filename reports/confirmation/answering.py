"""Take the answer to the question whether a problem is repaired.

It is asked once a report is resolved, and can be answered within a window after that. Opening the
report again ends it; when it is resolved anew, the question is asked anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.actors import credit_reputation
from accounts.models import User
from jobs.ledger import database
from reports.confirmation.tokens import Resolution
from reports.errors import ConfirmationOver, NothingToConfirm
from reports.models import (
    Confirmation,
    ConfirmedBy,
    Photo,
    PhotoFile,
    PhotoKind,
    Report,
    Role,
    Status,
    StatusChange,
)
from reports.photos import receiving
from reports.workflow import clock, history, transitions
from reports.workflow.performing import Inputs
from reports.workflow.table import REPORTER

#: What a confirmed repair brings its reporter, and a neighbour who confirms it, once a report.
REPAIR_POINTS = 10
CONFIRMING_POINTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, from whom or what, perhaps with a text and a photo of what is still wrong.

    The photo is a file that `photos.receiving` has stored.
    """

    is_fixed: bool
    source: str
    by: User | None = None
    note: str = ""
    photo: PhotoFile | None = None


def resolution_of(report: Report) -> Resolution | None:
    """Return how work on the report ended, about which its reporters are asked.

    None while it is open, and if its reporter withdrew it.
    """
    line = StatusChange.objects.resolution_of(report)
    return Resolution(report.pk, line.pk) if line else None


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
        TooManyPhotos: the report has as many photos of what is still wrong as it may have.
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
    if given.is_fixed:
        _credit(report, given)
    return Confirmation.objects.create(
        report=report,
        resolution=resolution.change_id,
        source=given.source,
        is_fixed=given.is_fixed,
        note=given.note,
        photo=_photo(report, given),
        user=given.by,
    )


def _credit(report: Report, given: Answer) -> None:
    """Give points to the reporter of a confirmed repair and to the neighbour who confirmed it."""
    key = f"report:{report.pk}:confirmed"
    if report.reporter_id is not None:
        user_id = str(report.reporter_id)
        credit_reputation.send(user_id, REPAIR_POINTS, key, "repair confirmed")
    if given.source == ConfirmedBy.NEIGHBOUR and given.by is not None:
        user_id = str(given.by.pk)
        credit_reputation.send(
            user_id, CONFIRMING_POINTS, f"{key}:{user_id}", "confirmed a repair nearby"
        )


def _photo(report: Report, given: Answer) -> Photo | None:
    """Add the photo that came with an answer, if one did; it is erased together with the reporter.

    Who answers by a link is not signed in.
    """
    if given.photo is None:
        return None
    return receiving.accept(
        given.photo, report, kind=PhotoKind.UNREPAIRED, by=given.by, citizen=report.reporter
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
