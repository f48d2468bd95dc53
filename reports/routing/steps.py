"""Preview and take the steps of staff, by the same rules at the desk, in bulk and in the API."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from reports.errors import CategoryUncertain, ReportsError, StatusChangedMeanwhile
from reports.models import Category, Report, Status
from reports.routing import assignment
from reports.workflow import transitions

#: Statuses for which the category must be certain, since it decides who works on the report.
STEPS_BY_CATEGORY = (Status.TRIAGED, Status.IN_PROGRESS, Status.RESOLVED)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step by a member of staff; by default it publishes nothing and accepts no guess.

    A `category` is chosen together with the step.
    """

    to: str
    by: User
    note: str = ""
    is_publishing: bool = False
    accepts_guess: bool = False
    category: Category | None = None


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The effects that a step would have on one report; none if there is a `refusal`."""

    report: Report
    refusal: str = ""
    effects: tuple[str, ...] = ()


def outlook(report: Report, step: Step) -> Outlook:
    """Return the effects that the step would have on the report as it is now."""
    try:
        _check(report, step)
    except ReportsError as error:
        return Outlook(report=report, refusal=str(error))
    return Outlook(report=report, effects=tuple(_effects(report, step)))


@transaction.atomic
def take(report: Report, step: Step, *, seen: str | None = None) -> None:
    """Take the step, if the report is unchanged since `seen` (its `updated_at` in ISO 8601).

    Without `seen` only its status must still be that of `report`.

    Raises:
        StatusChangedMeanwhile: somebody has changed it since.
        TransitionNotAllowed: its status does not lead to that of the step.
        CategoryUncertain: the step needs a category that staff chose or confirmed.
    """
    locked = Report.objects.select_for_update(of=("self",)).with_related().get(pk=report.pk)
    if seen is not None and locked.updated_at.isoformat() != seen:
        raise StatusChangedMeanwhile(
            "Somebody changed this report meanwhile; look at it again first."
        )
    if locked.status != report.status:
        raise StatusChangedMeanwhile
    _check(locked, step)
    if step.category or _needs_category(locked, step):
        chosen = {"category": step.category or locked.category}
        assignment.revise(locked, chosen, by=step.by, is_triaging=False)
    transitions.change_status(
        locked, to=step.to, by=step.by, note=step.note, is_publishing=step.is_publishing
    )


def _check(report: Report, step: Step) -> None:
    """Raise the error that says why the step cannot be taken, if it cannot."""
    transitions.check(report.status, step.to)
    is_settled = step.category or (step.accepts_guess and report.category)
    if _needs_category(report, step) and not is_settled:
        raise CategoryUncertain(_doubt(report))


def _needs_category(report: Report, step: Step) -> bool:
    is_new = report.status == Status.NEW and step.to in STEPS_BY_CATEGORY
    return is_new and not assignment.is_certain(report)


def _doubt(report: Report) -> str:
    if report.category is None:
        return "It has no category; choose one first."
    return (
        f"Its category {report.category} is a guess of {report.category_confidence or 0:.0%}; "
        "choose one first, or accept the guess."
    )


def _effects(report: Report, step: Step) -> list[str]:
    effects = [f"{report.get_status_display()} → {Status(step.to).label}"]
    if step.category is None and _needs_category(report, step) and report.category:
        effects.append(
            f"the guess {report.category} becomes its category, and it goes to "
            f"{report.category.department}"
        )
    if step.to == Status.REJECTED:
        effects += ["no longer public"] if report.published_at else []
    elif report.published_at is None:
        effects.append("becomes public" if step.is_publishing else "stays hidden from the public")
    if report.reporter_id and report.is_live:
        effects.append("its reporter is notified")
    return effects
