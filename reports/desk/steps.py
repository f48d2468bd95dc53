"""Preview and take the steps of staff at the desk."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from reports.errors import ReportsError, StatusChangedMeanwhile
from reports.models import Report, Status
from reports.routing import assignment
from reports.workflow import transitions

#: Statuses for which the category must be certain, since it decides who works on the report.
STEPS_BY_CATEGORY = (Status.TRIAGED, Status.IN_PROGRESS, Status.RESOLVED)


class StepRefused(ReportsError):
    """This step cannot be taken with this report."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step by a member of staff; by default it publishes nothing and accepts no guess."""

    to: str
    by: User
    note: str = ""
    is_publishing: bool = False
    accepts_guess: bool = False


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The effects that a step would have on one report; none if there is a `refusal`."""

    report: Report
    refusal: str = ""
    effects: tuple[str, ...] = ()


def outlook(report: Report, step: Step) -> Outlook:
    """Return the effects that the step would have on the report as it is now."""
    if step.to not in transitions.allowed_from(report.status):
        label = Status(step.to).label
        return Outlook(
            report=report,
            refusal=f"A report that is {report.get_status_display()} cannot become {label}.",
        )
    if _needs_category(report, step) and not (step.accepts_guess and report.category):
        return Outlook(report=report, refusal=_doubt(report))
    return Outlook(report=report, effects=tuple(_effects(report, step)))


@transaction.atomic
def take(report: Report, step: Step, *, seen: str) -> None:
    """Take the step, if the report is unchanged since `seen` (its `updated_at` in ISO 8601).

    Raises:
        StatusChangedMeanwhile: somebody has changed it since.
        StepRefused: the step cannot be taken.
    """
    locked = Report.objects.select_for_update(of=("self",)).with_related().get(pk=report.pk)
    if locked.updated_at.isoformat() != seen:
        raise StatusChangedMeanwhile(
            "Somebody changed this report meanwhile; look at it again first."
        )
    expected = outlook(locked, step)
    if expected.refusal:
        raise StepRefused(expected.refusal)
    if _needs_category(locked, step):
        assignment.revise(locked, {"category": locked.category}, by=step.by, is_triaging=False)
    transitions.change_status(
        locked, to=step.to, by=step.by, note=step.note, is_publishing=step.is_publishing
    )


def _needs_category(report: Report, step: Step) -> bool:
    is_new = report.status == Status.NEW and step.to in STEPS_BY_CATEGORY
    return is_new and not assignment.is_certain(report)


def _doubt(report: Report) -> str:
    if report.category is None:
        return "It has no category; choose one on its page."
    return (
        f"Its category {report.category} is a guess of {report.category_confidence or 0:.0%}; "
        "choose one on its page, or accept the guess."
    )


def _effects(report: Report, step: Step) -> list[str]:
    effects = [f"{report.get_status_display()} → {Status(step.to).label}"]
    if _needs_category(report, step) and report.category:
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
