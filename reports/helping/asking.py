"""Ask neighbours to mend the problem of a report, or of several at one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import Truncator

from accounts.actors import record_audit_event
from accounts.models import User
from reports.errors import HelpRefused
from reports.helping.board import Notice, the_board
from reports.models import OPEN_STATUSES, HelpRequest, PatternFinding, Report
from reports.workflow import transitions

TITLE_CHARACTERS = 200
REPORTS_MAXIMUM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What staff ask for; what is empty is taken from the reports."""

    title: str = ""
    description: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    capacity: int | None = None


@transaction.atomic
def ask(report: Report, wish: Wish, *, by: User) -> HelpRequest:
    """Offer a report's problem to citizens near by as an opportunity.

    The caller has checked that `by` works in the department of the report.

    Raises:
        HelpRefused: the report is not open or not public, or neighbours are asked already.
    """
    (locked,) = _locked([report])
    if reason := refusal(locked):
        raise HelpRefused(reason)
    notice = _notice(locked, wish, latitude=locked.latitude, longitude=locked.longitude)
    (request,) = _put_up(notice, [locked], by=by)
    return request


@transaction.atomic
def ask_about(finding: PatternFinding, wish: Wish, *, by: User) -> list[HelpRequest]:
    """Offer what is to be mended at the place of a pattern as one opportunity.

    It is for those of the pattern's open reports that `by` works on, the oldest first, up to
    REPORTS_MAXIMUM.

    Raises:
        HelpRefused: the pattern has no place, or none of these reports can be offered.
    """
    if finding.latitude is None or finding.longitude is None:
        raise HelpRefused("It has no place at which neighbours could help.")
    reports = _locked(open_reports(finding, by)[:REPORTS_MAXIMUM])
    suitable = [report for report in reports if not refusal(report)]
    if not suitable:
        raise HelpRefused(
            "It has no open report of your departments about which neighbours are not asked yet."
        )
    notice = _notice(suitable[0], wish, latitude=finding.latitude, longitude=finding.longitude)
    return _put_up(notice, suitable, by=by)


def open_reports(finding: PatternFinding, user: User) -> list[Report]:
    """Return the open reports of a pattern on which this member of staff works."""
    concerned = finding.concerned().filter(status__in=OPEN_STATUSES)
    mine = Report.objects.for_staff(user).filter(pk__in=concerned.values("pk"))
    return list(mine.order_by("created_at", "pk")[:REPORTS_MAXIMUM])


def _locked(reports: Sequence[Report]) -> list[Report]:
    """Return the reports as stored, locked in one order until the transaction ends."""
    rows = Report.objects.select_for_update(of=("self",)).with_related()
    return list(rows.filter(pk__in=[report.pk for report in reports]).order_by("pk"))


def refusal(report: Report, *, is_asked: bool | None = None) -> str:
    """Return why neighbours cannot be asked to mend the problem of a report, or "".

    `is_asked` says whether they are asked already, where the caller knows.
    """
    if report.status not in OPEN_STATUSES:
        return f"It is {report.get_status_display()}: there is nothing to mend."
    if report.published_at is None:
        return "It is not public, and an opportunity is."
    if report.help_requests.open().exists() if is_asked is None else is_asked:
        return "Neighbours are asked already."
    return ""


def _notice(report: Report, wish: Wish, *, latitude: float, longitude: float) -> Notice:
    title = wish.title or f"Lend a hand: {report.title}"
    return Notice(
        title=Truncator(title).chars(TITLE_CHARACTERS),
        description=wish.description or _in_words(report),
        category=report.category.name if report.category else "",
        organisation=report.department.name if report.department else "",
        latitude=latitude,
        longitude=longitude,
        starts_on=wish.starts_on,
        ends_on=wish.ends_on,
        capacity=wish.capacity,
    )


def _in_words(report: Report) -> str:
    return "\n\n".join(filter(None, (report.description or report.title, report.address)))


def _put_up(notice: Notice, reports: list[Report], *, by: User) -> list[HelpRequest]:
    """Add the opportunity, and note it with each report and in its history."""
    opportunity_id = the_board().add(notice)
    return [_note(report, opportunity_id, notice.title, by=by) for report in reports]


def _note(report: Report, opportunity_id: UUID, title: str, *, by: User) -> HelpRequest:
    note_in_history(report, f"Neighbours are asked to help: {title}", by=by)
    record_audit_event.send(
        "report.help_asked",
        str(by.pk),
        f"report:{report.pk}",
        {"opportunity": str(opportunity_id)},
    )
    return HelpRequest.objects.create(
        report=report, opportunity_id=opportunity_id, title=title, asked_by=by
    )


def note_in_history(
    report: Report, note: str, *, by: User | None = None, is_internal: bool = False
) -> None:
    """Add a line to the history of a locked report, whose status stays."""
    transitions.annotate(report, note=note, by=by, is_internal=is_internal)
    Report.objects.filter(pk=report.pk).update(updated_at=Now())
