"""Whether a step can be taken with a report, by whom, and with what."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db.models import TextChoices

from accounts.models import User
from jobs.ledger import database
from reports.errors import StepForbidden, StepIncomplete, TransitionNotAllowed
from reports.models import Crew, Department, RejectionReason, Report, Role, WaitingFor
from reports.workflow import assigning, clock, roles, table
from reports.workflow.performing import Inputs
from reports.workflow.table import Need, Step

WAITING_MAXIMUM = timedelta(days=366)


def available(report: Report, held: Collection[str]) -> list[Step]:
    """Return the steps that somebody with these roles may take with the report now."""
    steps = table.steps_from(report.status)
    return [step for step in steps if step.roles & set(held) and not _obstacle(report, step, held)]


def require(
    report: Report,
    name: str,
    *,
    roles: Collection[str],
    inputs: Inputs,
    optional: Collection[Need] = (),
) -> Step:
    """Return the step of this name, if it can be taken with these inputs.

    Raises:
        TransitionNotAllowed: there is no such step from the present status, or not any more.
        StepForbidden: none of `roles` may take it.
        StepIncomplete: something that it needs is missing or does not fit.
    """
    step = table.step_named(name, report.status)
    if step is None:
        raise TransitionNotAllowed(_not_from_here(report, name))
    require_role(step, roles)
    if obstacle := _obstacle(report, step, roles):
        raise TransitionNotAllowed(obstacle)
    require_inputs(report, step, inputs, optional=optional)
    return step


def require_role(step: Step, held: Collection[str]) -> None:
    """Check that one of these roles may take the step.

    Raises:
        StepForbidden: none may.
    """
    if not step.roles & set(held):
        raise StepForbidden(f"{step.label}: only {_who(step)} may do that.")


def role_for(step: Step, held: Collection[str]) -> str:
    """Return the strongest of the roles held that may take the step."""
    return roles.strongest(frozenset(held) & step.roles)


def require_inputs(
    report: Report, step: Step, inputs: Inputs, *, optional: Collection[Need] = ()
) -> None:
    """Check what comes with a step.

    Raises:
        StepIncomplete: it names what is missing or does not fit.
    """
    faults = {
        need.value: text
        for need in step.needs
        if need not in optional and (text := _fault(need, report, inputs))
    }
    if inputs.assignee is not None and Need.ASSIGNEE not in step.needs:
        faults["assignee"] = "This step assigns nobody."
    if faults:
        raise StepIncomplete(faults)


def no_way(came_from: str, to: str) -> str:
    """Return the sentence that refuses a change of status."""
    allowed = ", ".join(table.allowed_from(came_from))
    return f"A report that is {came_from} cannot become {to}. Allowed from here: {allowed}."


def _not_from_here(report: Report, name: str) -> str:
    names = ", ".join(dict.fromkeys(step.name for step in table.steps_from(report.status)))
    return (
        f"The step {name} cannot be taken with a report that is {report.status}. Possible: {names}."
    )


def _who(step: Step) -> str:
    names = [str(Role(role).label) for role in Role.values if role in step.roles]
    return " or ".join((", ".join(names[:-1]), names[-1]) if names[1:] else names)


def _obstacle(report: Report, step: Step, held: Collection[str]) -> str:
    """Return why a step that the table allows is not possible now, or ""."""
    if step.name == "deny" and Role.SYSTEM not in held:
        ends_at = clock.window_ends_at(report)
        if ends_at is None or ends_at < database.now():
            return "The time in which this could be answered is over; send a new report."
    if step.name == "unassign" and not (report.assignee_id or report.crew_id):
        return "Nobody is assigned to this report."
    return ""


def _fault(need: Need, report: Report, inputs: Inputs) -> str:
    """Return what is wrong with what a step needs, or ""."""
    fault_of: dict[Need, Callable[[], str]] = {
        Need.NOTE: lambda: "" if inputs.note.strip() else "Write a note.",
        Need.REASON: lambda: _choice(inputs.reason, RejectionReason),
        Need.WAITING_FOR: lambda: _choice(inputs.waiting_for, WaitingFor),
        Need.UNTIL: lambda: _fault_of_time(inputs.until),
        Need.ASSIGNEE: lambda: _fault_of_assignee(inputs.assignee, report),
        Need.DEPARTMENT: lambda: _fault_of_department(inputs.department, report),
        Need.ORIGINAL: lambda: "Name the report that it repeats.",
    }
    return fault_of[need]()


def _choice(value: str, choices: type[TextChoices]) -> str:
    return "" if value in choices.values else f"Choose one of: {', '.join(choices.values)}."


def _fault_of_time(until: datetime | None) -> str:
    if until is None:
        return "Say until when it waits."
    now = database.now()
    if not now < until <= now + WAITING_MAXIMUM:
        return f"Expected a time to come, within {WAITING_MAXIMUM.days} days."
    return ""


def _fault_of_assignee(assignee: User | Crew | None, report: Report) -> str:
    if assignee is None:
        return "Choose a person or a crew."
    if not assigning.can_be_assigned(assignee, report):
        return "They do not work for the department of this report."
    return ""


def _fault_of_department(department: Department | None, report: Report) -> str:
    if department is None:
        return "Choose a department."
    return "It is with this department already." if department == report.department else ""
