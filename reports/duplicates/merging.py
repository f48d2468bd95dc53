"""What staff decide about two reports: merged, not the same, or taken apart again.

A merge keeps both reports. Whoever follows the duplicate is notified of every later step of the
original, since `following` looks for the reports merged into it whenever it notifies or counts;
nothing is copied, so that undoing a merge has nothing to copy back.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts.actors import record_audit_event
from accounts.models import User
from reports.errors import MergeRefused
from reports.models import DuplicatePair, Merge, Report, Status
from reports.workflow import transitions, undoing
from reports.workflow.versions import require as require_version

State = DuplicatePair.State
#: A report in one of these takes no duplicates.
NO_ORIGINAL = (Status.REJECTED, Status.DUPLICATE)


@transaction.atomic
def merge(
    duplicate: Report, *, into: Report, by: User, versions: Collection[int] | None = None
) -> Merge:
    """Close `duplicate` as the same problem as `into`; its reporter hears of both from now on.

    Status, history, merge and every task commit together. With `versions` the duplicate must still
    be of one of them.

    Raises:
        ReportChanged: the duplicate is of none of `versions` any more.
        MergeRefused: the two cannot be one, as they stand now.
        TransitionNotAllowed: the duplicate's work has ended already.
    """
    duplicate, into = _locked(duplicate, into)
    require_version(duplicate, versions)
    _refuse_impossible(duplicate, into)
    transitions.change_status(duplicate, to=Status.DUPLICATE, by=by, note=_note(into))
    merged = Merge.objects.create(duplicate=duplicate, original=into, by=by)
    _decide(duplicate, into, State.MERGED, by=by)
    _record("report.merged", duplicate, into, by=by)
    return merged


@transaction.atomic
def refuse(report: Report, other: Report, *, by: User) -> None:
    """Note that two reports are not the same problem: they are never suggested again.

    Raises:
        MergeRefused: they are merged; that is undone first.
    """
    report, other = _locked(report, other)
    if _state_of(report, other) == State.MERGED:
        raise MergeRefused("These reports are merged; undo that first.")
    if report == other:
        raise MergeRefused("A report is not its own duplicate.")
    _decide(report, other, State.REFUSED, by=by)
    _record("report.duplicate_refused", report, other, by=by)


@transaction.atomic
def undo(report: Report, other: Report, *, by: User) -> None:
    """Take back what was decided about two reports; they are a suggestion again.

    A duplicate becomes what it was, if nobody has heard of the merge yet; else a triaged report of
    its own.

    Raises:
        MergeRefused: nothing was decided about the two.
    """
    report, other = _locked(report, other)
    if _state_of(report, other) not in (State.MERGED, State.REFUSED):
        raise MergeRefused("Nothing was decided about these two reports.")
    merged = Merge.objects.between(report, other)
    if merged is not None:
        _take_apart(report if merged.duplicate_id == report.pk else other, by=by)
    _decide(report, other, State.SUGGESTED, by=by)
    _record("report.duplicate_undone", report, other, by=by)


def _take_apart(duplicate: Report, *, by: User) -> None:
    """Open the duplicate again, which ends its merge."""
    if undoing.take_back_unheard(duplicate, "merge", by=by):
        Merge.objects.end(duplicate, by=by)
        return
    transitions.change_status(
        duplicate,
        to=Status.TRIAGED,
        by=by,
        note="It is a report of its own again.",
    )


def _locked(report: Report, other: Report) -> tuple[Report, Report]:
    """Return both as they are now; nobody changes them until this transaction ends.

    In one order, so that two merges of the same reports wait for each other and never deadlock.
    """
    rows = Report.objects.select_for_update().order_by("pk").in_bulk([report.pk, other.pk])
    return rows[report.pk], rows[other.pk]


def _refuse_impossible(duplicate: Report, original: Report) -> None:
    if duplicate == original:
        raise MergeRefused("A report is not its own duplicate.")
    if original.status in NO_ORIGINAL:
        state = original.get_status_display()
        raise MergeRefused(f"The other report is {state}; merge into one that stands.")
    if _state_of(duplicate, original) == State.REFUSED:
        raise MergeRefused("Staff said that these are not the same; undo that first.")


def _pair_of(report: Report, other: Report) -> dict[str, Any]:
    earlier, later = sorted((report, other), key=lambda one: one.pk)
    return {"earlier": earlier, "later": later}


def _state_of(report: Report, other: Report) -> str | None:
    states = DuplicatePair.objects.filter(**_pair_of(report, other)).values_list("state", flat=True)
    return states.first()


def _decide(report: Report, other: Report, state: str, *, by: User) -> None:
    decision: dict[str, Any] = {"state": state, "decided_at": Now(), "decided_by": by}
    DuplicatePair.objects.update_or_create(defaults=decision, **_pair_of(report, other))


def _note(original: Report) -> str:
    """Name the other report to whoever reads the history, unless it is not public."""
    if original.published_at is None:
        return "The same problem was reported before."
    return f"The same problem was reported before: “{original.title}”."


def _record(event: str, report: Report, other: Report, *, by: User) -> None:
    record_audit_event.send(event, str(by.pk), f"report:{report.pk}", {"other": str(other.pk)})
