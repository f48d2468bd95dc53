"""How the desk offers the steps of the workflow: their labels, and the fields of each."""

from __future__ import annotations

from dataclasses import dataclass

from django.forms import BoundField
from django.utils.translation import gettext

from reports.desk.forms import StepForm
from reports.models import RejectionReason, Report, Status, WaitingFor
from reports.steps.taking import STEPS_BY_CATEGORY
from reports.workflow import table
from reports.workflow.table import STAFF, Need

HAND_OVER = "hand_over"
_REASONS = dict(RejectionReason.choices) | dict(WaitingFor.choices)


@dataclass(frozen=True)
class Offer:
    """A step on a report's page: `status` is empty where it stays as it is."""

    name: str
    label: str
    status: str
    fields: list[BoundField]
    needs_note: bool
    tells: bool


def offer(row: table.Step, report: Report, form: StepForm) -> Offer:
    """Return how a step is offered on the page of a report, whose form it shares."""
    to = row.leads_to(report.status)
    is_simple = not row.needs and to != report.status
    return Offer(
        name=row.name,
        label=gettext("Mark as %s") % Status(to).label if is_simple else str(row.label),
        status=to if to != report.status else "",
        fields=[form[need.value] for need in row.needs if need != Need.NOTE],
        needs_note=Need.NOTE in row.needs,
        tells=row.tells,
    )


def fields_to(status: str) -> list[str]:
    """Return the fields that steps of staff to this status need or may have, beside a note."""
    rows = [row for row in table.STEPS if row.to == status and row.roles & STAFF]
    needs = _needs([row for row in rows if row.name != HAND_OVER])
    return [*(["category"] if status in STEPS_BY_CATEGORY else []), *needs]


def fields_of(name: str) -> list[str]:
    """Return the fields that the step of this name needs, beside a note."""
    return _needs([row for row in table.STEPS if row.name == name])


def _needs(rows: list[table.Step]) -> list[str]:
    return sorted({need.value for row in rows for need in row.needs} - {Need.NOTE.value})


def reason_label(reason: str) -> str:
    """Return what people call the reason of a rejection, or what a report waits for."""
    return str(_REASONS.get(reason, reason))
