"""Preview and take steps, by the same rules at the desk, in bulk and in the API."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from accounts.models import User
from reports.confirmation import answering
from reports.duplicates import merging
from reports.errors import (
    CategoryUncertain,
    ReportsError,
    StatusChangedMeanwhile,
    StepIncomplete,
    TransitionNotAllowed,
)
from reports.models import Category, ConfirmedBy, RejectionReason, Report, Status
from reports.routing import assignment
from reports.workflow import checking, table, transitions
from reports.workflow.performing import NOTHING, Inputs
from reports.workflow.roles import roles_in
from reports.workflow.table import STAFF, Need
from reports.workflow.versions import require as require_version

#: Statuses for which the category must be certain, since it decides who works on the report.
STEPS_BY_CATEGORY = (Status.TRIAGED, Status.IN_PROGRESS, Status.RESOLVED)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step that somebody asks for; by default it publishes nothing and accepts no guess.

    It is the step named `name`, or else the one of staff that leads to the status `to`; then a
    rejection may lack its reason and a duplicate its original. A `category` is chosen together with
    the step.
    """

    by: User | None
    to: str = ""
    name: str = ""
    inputs: Inputs = NOTHING
    original: UUID | None = None
    is_publishing: bool = False
    accepts_guess: bool = False
    category: Category | None = None

    @property
    def label(self) -> str:
        """What has become of a report by the step, such as "marked as resolved"."""
        if self.to:
            return gettext("marked as %(status)s") % {"status": Status(self.to).label}
        return gettext("done: %(step)s") % {"step": self.title.lower()}

    @property
    def title(self) -> str:
        """What people call the step, such as "Marked as resolved" or "Hand over"."""
        if self.to:
            return gettext("Marked as %(status)s") % {"status": Status(self.to).label}
        return next(str(row.label) for row in table.STEPS if row.name == self.name)


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The effects that a step would have on one report; none if there is a `refusal`."""

    report: Report
    refusal: str = ""
    effects: tuple[str, ...] = ()


def outlook(report: Report, step: Step) -> Outlook:
    """Return the effects that a step of staff would have on the report as it is now."""
    assert step.by is not None  # noqa: S101 - staff have signed in
    try:
        row = _check(report, step, roles_in(report, step.by))
    except ReportsError as error:
        return Outlook(report=report, refusal=str(error))
    return Outlook(report=report, effects=tuple(_effects(report, row, step)))


@transaction.atomic
def take(
    report: Report,
    step: Step,
    *,
    roles: frozenset[str],
    seen: str | None = None,
    versions: Collection[int] | None = None,
) -> None:
    """Take the step in one of these roles, if the report is as it was read.

    It must have the status of `report`, and where they are given `seen`, its `updated_at` in ISO
    8601, and one of `versions`.

    Raises:
        ReportChanged, StatusChangedMeanwhile: somebody has changed it since.
        CategoryUncertain: the step needs a category that staff chose or confirmed.
        TransitionNotAllowed, StepForbidden, StepIncomplete: as `transitions.take`.
    """
    locked = _locked(report, step)
    require_version(locked, versions)
    if seen is not None and locked.updated_at.isoformat() != seen:
        raise StatusChangedMeanwhile(
            "Somebody changed this report meanwhile; look at it again first."
        )
    if locked.status != report.status:
        raise StatusChangedMeanwhile
    row = _check(locked, step, roles)
    if step.category or _needs_category(locked, row):
        _choose_category(locked, row, step)
        if row.name == "triage":
            return
        locked = _locked(report, step)  # with what followed from the category
        row = _check(locked, step, roles)
    _perform(locked, row, step, roles)


def _choose_category(report: Report, row: table.Step, step: Step) -> None:
    """Give a locked report the category that comes with a step, or confirm the guess.

    Triaging a new report is done by that; any other step is still to be taken.
    """
    chosen, by = {"category": step.category or report.category}, cast("User", step.by)
    assignment.revise(
        report,
        chosen,
        by=by,
        is_triaging=row.name == "triage",
        inputs=step.inputs,
        is_publishing=step.is_publishing,
    )


def _locked(report: Report, step: Step) -> Report:
    """Return the report as stored; it and the original stay locked until the transaction ends.

    They are locked in one order, so that two merges of the same reports never block each other.
    """
    ids = [report.pk, *([step.original] if step.original else [])]
    rows = Report.objects.select_for_update(of=("self",)).with_related().order_by("pk")
    return rows.in_bulk(ids)[report.pk]


def _check(report: Report, step: Step, roles: frozenset[str]) -> table.Step:
    """Return the row of the workflow's table, or raise the error that says why it is not taken."""
    name = step.name
    if not name:
        leading = table.step_leading(report.status, step.to)
        if leading is None:
            raise TransitionNotAllowed(checking.no_way(report.status, step.to))
        name = leading.name
    optional = {Need.ORIGINAL} if step.original or step.to else ()
    inputs = _inputs(step)
    row = checking.require(report, name, roles=roles, inputs=inputs, optional=optional)
    if step.category and not roles & STAFF:
        raise StepIncomplete({"category": "Only staff choose a category."})
    is_settled = step.category or (step.accepts_guess and report.category)
    if _needs_category(report, row) and not is_settled:
        raise CategoryUncertain(_doubt(report))
    return row


def _inputs(step: Step) -> Inputs:
    """Return what comes with the step; a mere status `rejected` is for "another reason"."""
    if step.to == Status.REJECTED and not step.name and not step.inputs.reason:
        return replace(step.inputs, reason=RejectionReason.OTHER)
    return step.inputs


def _perform(report: Report, row: table.Step, step: Step, roles: frozenset[str]) -> None:
    """Take a step with a locked report that has been checked."""
    if step.original is not None and row.to == Status.DUPLICATE:
        _merge(report, step)
    elif row.to == Status.DUPLICATE:
        transitions.change_status(report, to=row.to, by=step.by, note=step.inputs.note)
    elif row.name in ("confirm", "deny"):
        _answer(report, row, step)
    else:
        transitions.take(
            report,
            row.name,
            by=step.by,
            roles=roles,
            inputs=_inputs(step),
            is_publishing=step.is_publishing,
        )


def _answer(report: Report, row: table.Step, step: Step) -> None:
    """Store the reporter's answer to the question whether the problem is repaired."""
    given = answering.Answer(
        is_fixed=row.name == "confirm",
        source=ConfirmedBy.REPORTER,
        by=step.by,
        note=step.inputs.note,
    )
    answering.carry_out(report, given, inputs=step.inputs)


def _merge(report: Report, step: Step) -> None:
    """Merge the report into the original that comes with the step."""
    by = cast("User", step.by)
    original = Report.objects.visible_to(by).filter(pk=cast("UUID", step.original)).first()
    if original is None:
        raise StepIncomplete({"original": "There is no report with this id that you may read."})
    merging.merge(report, into=original, by=by)


def _needs_category(report: Report, row: table.Step) -> bool:
    is_new = report.status == Status.NEW and row.to in STEPS_BY_CATEGORY
    return is_new and not assignment.is_certain(report)


def _doubt(report: Report) -> str:
    if report.category is None:
        return "It has no category; choose one first."
    return (
        f"Its category {report.category} is a guess of {report.category_confidence or 0:.0%}; "
        "choose one first, or accept the guess."
    )


def _effects(report: Report, row: table.Step, step: Step) -> list[str]:
    to = Status(row.leads_to(report.status))
    effects = [f"{report.get_status_display()} → {to.label}"]
    if step.inputs.assignee is not None:
        effects.append(f"{step.inputs.assignee} works on it")
    if step.category is None and _needs_category(report, row) and report.category:
        effects.append(
            f"the guess {report.category} becomes its category, and it goes to "
            f"{assignment.department_once_certain(report)}"
        )
    if to == Status.REJECTED:
        effects += ["no longer public"] if report.published_at else []
    elif report.published_at is None:
        effects.append("becomes public" if step.is_publishing else "stays hidden from the public")
    if report.reporter_id and report.is_live and row.tells:
        effects.append("its reporter is notified")
    return effects
