"""Apply a plan, which assigns its reports to their crews, and undo that: each one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.db import transaction

from accounts.actors import record_audit_event
from accounts.models import User
from jobs.failpoints import failpoint
from jobs.ledger import database
from jobs.models import Task
from jobs.states import TERMINAL_STATES
from reports.errors import PlanAlreadyApplied, PlanRefused, ReportsError, StepIncomplete
from reports.models import DispatchPlan, DispatchStop, Report, Status, StopState
from reports.workflow import transitions, undoing
from reports.workflow.performing import Inputs
from reports.workflow.roles import roles_in

#: A place that has moved further than this, in degrees, is another place: some ten metres.
SAME_PLACE_DEGREES = 1e-4
NOTE = "By the plan of the day."
ALREADY = "It was with this crew already."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of applying or undoing a plan: how many stops it changed, and those it did not."""

    done: int
    left: list[DispatchStop]


def apply(plan: DispatchPlan, *, by: User) -> Outcome:
    """Assign each report of the plan to its crew, by the step of the workflow.

    What has changed since the plan was made is left as it is; the note of its stop says why. The
    caller has checked that `by` may read the plan.

    Raises:
        PlanRefused: it was applied before, is still being improved, or nothing of it can be
            assigned any more; then nothing has changed.
    """
    with transaction.atomic():
        locked = _locked(plan)
        if locked.applied_at is not None:
            raise PlanAlreadyApplied
        if Task.objects.filter(pk=plan.pk).exclude(state__in=TERMINAL_STATES).exists():
            raise PlanRefused("The plan is still being improved; wait for that, or cancel it.")
        outcome = _each(locked, partial(_assign, by=by), refused=StopState.SKIPPED)
        if not outcome.done:
            raise PlanRefused(_nothing("assigned", outcome))
        locked.applied_at, locked.applied_by = database.now(), by
        locked.save(update_fields=["applied_at", "applied_by"])
        _audit("dispatch.plan_applied", locked, outcome, by=by)
    failpoint("dispatch.applied")
    return outcome


def undo(plan: DispatchPlan, *, by: User) -> Outcome:
    """Take back what the plan assigned, however long ago, where nothing has changed since.

    The other reports stay as they are; the note of their stops says why.

    Raises:
        PlanRefused: it was not applied, or is undone already, or nothing of it can be undone; then
            nothing has changed.
    """
    with transaction.atomic():
        locked = _locked(plan)
        if locked.applied_at is None:
            raise PlanRefused("The plan was not applied, so there is nothing to undo.")
        if locked.undone_at is not None:
            raise PlanRefused("The plan was undone already.")
        outcome = _each(locked, partial(_take_back, by=by), refused=StopState.KEPT)
        if not outcome.done:
            raise PlanRefused(_nothing("undone", outcome))
        locked.undone_at, locked.undone_by = database.now(), by
        locked.save(update_fields=["undone_at", "undone_by"])
        _audit("dispatch.plan_undone", locked, outcome, by=by)
    return outcome


def _locked(plan: DispatchPlan) -> DispatchPlan:
    return DispatchPlan.objects.select_for_update(of=("self",)).get(pk=plan.pk)


def _each(
    plan: DispatchPlan,
    change: Callable[[DispatchStop, Report], StopState | None],
    *,
    refused: StopState,
) -> Outcome:
    """Change each stop of the plan whose turn it is, and store its state or why it is refused.

    Reports are locked in the order of their ids, so that no two callers wait for each other.
    """
    stops = list(
        DispatchStop.objects.filter(plan=plan, state__in=(StopState.PLANNED, StopState.ASSIGNED))
        .select_related("route__crew__department", "change")
        .order_by("report")
    )
    locked = Report.objects.select_for_update(of=("self",)).with_related().order_by("pk")
    reports = locked.in_bulk([stop.report_id for stop in stops])
    done, left = 0, []
    for stop in stops:
        try:
            with transaction.atomic():
                state = change(stop, reports[stop.report_id])
        except ReportsError as error:
            stop.state, stop.note = refused, str(error)[:300]
            left.append(stop)
        else:
            done += state is not None
            stop.state = state or stop.state
    DispatchStop.objects.bulk_update(stops, ["state", "note", "change"])
    return Outcome(done, sorted(left, key=lambda stop: (stop.route_id, stop.position)))


def _assign(stop: DispatchStop, report: Report, *, by: User) -> StopState:
    """Assign a locked report to the crew of its stop.

    Raises:
        ReportsError: it cannot be assigned any more.
    """
    crew = stop.route.crew
    if refusal := _changed(stop, report):
        raise PlanRefused(refusal)
    if report.crew_id == crew.pk:
        stop.note = ALREADY
        return StopState.ASSIGNED
    try:
        stop.change = transitions.take(
            report, "assign", by=by, roles=roles_in(report, by), inputs=Inputs(assignee=crew)
        )
    except StepIncomplete as error:
        raise PlanRefused(f"{crew} does not work for {report.department} any more.") from error
    return StopState.ASSIGNED


def _changed(stop: DispatchStop, report: Report) -> str:
    """Return what has changed since the plan was made, so that the stop makes no sense, or ""."""
    crew = stop.route.crew
    if not crew.is_active:
        return f"The crew {crew} does not work any more."
    if report.status in (Status.NEW, Status.WAITING) or report.closed_at is not None:
        return f"It is {report.get_status_display()} now."
    if report.assignee is not None:
        return f"{report.assignee} works on it now."
    if report.crew is not None and report.crew_id not in (stop.from_crew_id, crew.pk):
        return f"It was assigned to {report.crew} since."
    moved = max(abs(report.latitude - stop.latitude), abs(report.longitude - stop.longitude))
    if moved > SAME_PLACE_DEGREES:
        return "Its place has changed since."
    return ""


def _take_back(stop: DispatchStop, _report: Report, *, by: User) -> StopState | None:
    """Undo the step by which a stop was assigned; None where it took none.

    Raises:
        ReportsError: it cannot be undone any more.
    """
    if stop.state != StopState.ASSIGNED or stop.change is None:
        return None
    undoing.take_back(stop.change, by=by, roles=roles_in(stop.change.report, by), note=NOTE)
    return StopState.UNDONE


def _nothing(verb: str, outcome: Outcome) -> str:
    if not outcome.left:
        return f"The plan has no report that can be {verb}."
    return f"No report can be {verb} any more; of the first: {outcome.left[0].note}"


def _audit(event: str, plan: DispatchPlan, outcome: Outcome, *, by: User) -> None:
    facts = {"reports": outcome.done, "left": len(outcome.left)}
    record_audit_event.send(event, str(by.pk), f"dispatch_plan:{plan.pk}", facts)
