"""What becomes of reports whose opportunity has ended, and of opportunities whose reports have.

Each end is one transaction with what follows from it, so that it is noted once, whatever is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.actors import record_audit_event
from accounts.models import User
from reports.errors import HelpRefused
from reports.helping.asking import note_in_history
from reports.helping.board import the_board
from reports.models import OPEN_STATUSES, HelpRequest, HelpState, Report
from reports.workflow import table, transitions
from reports.workflow.performing import Inputs

BATCH_REQUESTS = 100
#: What the history says; only staff read of the ends that brought no help.
NOTES = {
    HelpState.DONE: "Mended by neighbours: {title}",
    HelpState.WITHDRAWN: "Neighbours are not asked any more: {title}",
    HelpState.OVER: "The time to help is over, and nobody has said that it is mended: {title}",
    HelpState.NEEDLESS: "Neighbours are not asked any more, since the work has ended: {title}",
}


@transaction.atomic
def complete(report: Report, *, by: User, note: str = "") -> None:
    """Note that neighbours have mended what they were asked to.

    It ends the opportunity, and resolves all of its reports; their reporters are asked whether it
    is repaired, as after every resolution.

    Raises:
        HelpRefused: neighbours are not asked.
    """
    opportunity_id = _open_request(report).opportunity_id
    the_board().take_down(opportunity_id, is_done=True, by=by, note=note)
    end(opportunity_id, HelpState.DONE, by=by, note=note)  # where the opportunity was gone


@transaction.atomic
def withdraw(report: Report, *, by: User | None = None) -> None:
    """Ask neighbours no more.

    Raises:
        HelpRefused: they are not asked.
    """
    opportunity_id = _open_request(report).opportunity_id
    the_board().take_down(opportunity_id, is_done=False, by=by)
    end(opportunity_id, HelpState.WITHDRAWN, by=by)


def _open_request(report: Report) -> HelpRequest:
    request = report.help_requests.open().first()
    if request is None:
        raise HelpRefused("Neighbours are not asked about this report.")
    return request


@transaction.atomic
def end(opportunity_id: UUID, state: HelpState, *, by: User | None = None, note: str = "") -> int:
    """Note at the reports of an opportunity that it has ended; return at how many.

    Those at which it was noted before stay as they are. Reports are locked after their opportunity.
    """
    requests = HelpRequest.objects.open().filter(opportunity_id=opportunity_id)
    reports = Report.objects.select_for_update(of=("self",)).with_related().order_by("pk")
    locked = reports.in_bulk(list(requests.values_list("report_id", flat=True)))
    ended = list(requests.filter(report__in=locked).select_for_update(of=("self",)))
    for request in ended:
        _end(request, locked[request.report_id], state, by=by, note=note)
    return len(ended)


def _end(
    request: HelpRequest, report: Report, state: HelpState, *, by: User | None, note: str
) -> None:
    if state == HelpState.WITHDRAWN and report.status not in OPEN_STATUSES:
        state = HelpState.NEEDLESS
    words = "\n".join(filter(None, (NOTES[state].format(title=request.title), note)))
    if state == HelpState.DONE and report.status in OPEN_STATUSES:
        transitions.take(report, "mend", by=by, roles=table.SYSTEM, inputs=Inputs(note=words))
    else:
        note_in_history(report, words, by=by, is_internal=state != HelpState.DONE)
    HelpRequest.objects.filter(pk=request.pk).update(state=state, ended_at=Now())
    record_audit_event.send(
        "report.help_ended",
        str(by.pk) if by else None,
        f"report:{report.pk}",
        {"opportunity": str(request.opportunity_id), "state": state.value},
    )


def settle(effects: Callable[[], AbstractContextManager[None]]) -> int:
    """End the requests for help that nobody ends by hand; return the number of opportunities.

    An opportunity is withdrawn once the work on all of its reports has ended, and a request ends
    with the last day of its opportunity. Each is a transaction of its own, opened by `effects`.
    """
    settled = 0
    for opportunity_id in _needless():
        with effects():
            the_board().take_down(opportunity_id, is_done=False)
            end(opportunity_id, HelpState.NEEDLESS)
        settled += 1
    for opportunity_id in _over():
        with effects():
            settled += bool(end(opportunity_id, HelpState.OVER))
    return settled


def _needless() -> list[UUID]:
    """Return opportunities whose reports are all closed."""
    still_open = HelpRequest.objects.open().filter(report__status__in=OPEN_STATUSES)
    requests = HelpRequest.objects.needless().exclude(
        opportunity_id__in=still_open.values("opportunity_id")
    )
    ids = requests.order_by().values_list("opportunity_id", flat=True).distinct()
    return list(ids[:BATCH_REQUESTS])


def _over() -> list[UUID]:
    """Return the opportunities of open requests that the board says are over."""
    ids = HelpRequest.objects.open().order_by().values_list("opportunity_id", flat=True).distinct()
    return sorted(the_board().over(set(ids)))
