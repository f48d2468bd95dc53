"""The table of the workflow: every step that can be taken with a report, by whom, and with what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reports.models import OPEN_STATUSES, Role, Status

#: Statuses in which a department works on the report.
AT_WORK = tuple(status for status in OPEN_STATUSES if status != Status.NEW)
STAFF = frozenset({Role.CLERK, Role.MANAGER, Role.SUPERUSER})
MANAGERS = frozenset({Role.MANAGER, Role.SUPERUSER})
SYSTEM, REPORTER = frozenset({Role.SYSTEM}), frozenset({Role.REPORTER})


class Need(StrEnum):
    """Something that a step cannot be taken without."""

    NOTE = "note"
    REASON = "reason"
    WAITING_FOR = "waiting_for"
    UNTIL = "until"
    ASSIGNEE = "assignee"  # a person or a crew
    DEPARTMENT = "department"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of the table.

    `to` is None where the status stays. `tells` says whether the reporter gets a message, unless it
    is the reporter or the system that takes the step; with `system_tells` the reporter hears of it
    from the system too. `hides` says that the report is not public after it.
    """

    name: str
    label: str | Promise
    sources: tuple[str, ...]
    to: str | None
    roles: frozenset[str]
    needs: tuple[Need, ...] = ()
    tells: bool = True
    system_tells: bool = False
    can_be_undone: bool = True
    hides: bool = False

    def leads_to(self, source: str) -> str:
        """Return the status that the step gives a report in `source`."""
        return self.to or source


STEPS: tuple[Step, ...] = (
    Step(
        name="triage",
        label=_("Accept"),
        sources=(Status.NEW,),
        to=Status.TRIAGED,
        roles=STAFF | SYSTEM,
    ),
    Step(
        name="assign",
        label=_("Assign"),
        sources=(Status.TRIAGED, Status.ASSIGNED, Status.REOPENED),
        to=Status.ASSIGNED,
        roles=STAFF,
        needs=(Need.ASSIGNEE,),
        tells=False,
    ),
    Step(
        name="assign",
        label=_("Assign"),
        sources=(Status.IN_PROGRESS, Status.WAITING),
        to=None,
        roles=STAFF,
        needs=(Need.ASSIGNEE,),
        tells=False,
    ),
    Step(
        name="unassign",
        label=_("Take from the assignee"),
        sources=(Status.ASSIGNED,),
        to=Status.TRIAGED,
        roles=STAFF,
        tells=False,
    ),
    Step(
        name="unassign",
        label=_("Take from the assignee"),
        sources=(Status.IN_PROGRESS, Status.WAITING, Status.REOPENED),
        to=None,
        roles=STAFF,
        tells=False,
    ),
    Step(
        name="start",
        label=_("Start work"),
        sources=(
            Status.NEW,
            Status.TRIAGED,
            Status.ASSIGNED,
            Status.REOPENED,
            Status.RESOLVED,
            Status.CLOSED,
        ),
        to=Status.IN_PROGRESS,
        roles=STAFF,
    ),
    Step(
        name="put_back",
        label=_("Stop work"),
        sources=(Status.IN_PROGRESS, Status.WAITING, Status.REOPENED),
        to=Status.TRIAGED,
        roles=STAFF,
    ),
    Step(
        name="hand_over",
        label=_("Hand over"),
        sources=(Status.ASSIGNED, Status.IN_PROGRESS, Status.WAITING, Status.REOPENED),
        to=Status.TRIAGED,
        roles=STAFF,
        needs=(Need.DEPARTMENT, Need.NOTE),
        tells=False,
    ),
    Step(
        name="hand_over",
        label=_("Hand over"),
        sources=(Status.NEW, Status.TRIAGED),
        to=None,
        roles=STAFF,
        needs=(Need.DEPARTMENT, Need.NOTE),
        tells=False,
    ),
    Step(
        name="wait",
        label=_("Let it wait"),
        sources=AT_WORK,
        to=Status.WAITING,
        roles=STAFF,
        needs=(Need.WAITING_FOR, Need.UNTIL),
    ),
    Step(
        name="resume",
        label=_("Go on"),
        sources=(Status.WAITING,),
        to=Status.IN_PROGRESS,
        roles=STAFF | SYSTEM,
    ),
    Step(
        name="resolve",
        label=_("Resolve"),
        sources=OPEN_STATUSES,
        to=Status.RESOLVED,
        roles=STAFF,
    ),
    Step(
        name="mend",
        label=_("Mended by neighbours"),
        sources=OPEN_STATUSES,
        to=Status.RESOLVED,
        roles=SYSTEM,  # once the opportunity by which neighbours were asked is done
        system_tells=True,
        can_be_undone=False,
    ),
    Step(
        name="confirm",
        label=_("Confirm the repair"),
        sources=(Status.RESOLVED,),
        to=Status.CLOSED,
        roles=REPORTER | SYSTEM,
        tells=False,
        can_be_undone=False,  # what citizens say, staff do not take back
    ),
    Step(
        name="deny",
        label=_("It is not repaired"),
        sources=(Status.RESOLVED, Status.CLOSED),
        to=Status.REOPENED,
        roles=REPORTER | SYSTEM,
        can_be_undone=False,
    ),
    Step(
        name="close",
        label=_("Close"),
        sources=(*OPEN_STATUSES, Status.RESOLVED),
        to=Status.CLOSED,
        roles=STAFF,
    ),
    Step(
        name="expire",
        label=_("Close unconfirmed"),
        sources=(Status.RESOLVED,),
        to=Status.CLOSED,
        roles=SYSTEM,
        tells=False,
    ),
    Step(
        name="reopen",
        label=_("Reopen"),
        sources=(Status.RESOLVED, Status.CLOSED),
        to=Status.REOPENED,
        roles=STAFF,
        needs=(Need.NOTE,),
    ),
    Step(
        name="reject",
        label=_("Reject"),
        sources=OPEN_STATUSES,
        to=Status.REJECTED,
        roles=STAFF,
        needs=(Need.REASON,),
        hides=True,
    ),
    Step(
        name="restore",
        label=_("Take up again"),
        sources=(Status.REJECTED,),
        to=Status.TRIAGED,
        roles=MANAGERS,
    ),
    Step(
        name="merge",
        label=_("Mark as duplicate"),
        sources=OPEN_STATUSES,
        to=Status.DUPLICATE,
        roles=STAFF,
        needs=(Need.ORIGINAL,),
        can_be_undone=False,  # by `reports.duplicates.merging.undo`, which opens it again
    ),
    Step(
        name="separate",
        label=_("It is no duplicate"),
        sources=(Status.DUPLICATE,),
        to=Status.TRIAGED,
        roles=STAFF,
        can_be_undone=False,
    ),
    Step(
        name="withdraw",
        label=_("Withdraw"),
        sources=(Status.NEW, Status.TRIAGED),
        to=Status.CLOSED,
        roles=REPORTER,
        tells=False,
        hides=True,
    ),
)
NAMES: tuple[str, ...] = tuple(dict.fromkeys(step.name for step in STEPS))


def steps_from(status: str) -> list[Step]:
    """Return the steps that can be taken with a report in this status, by anybody."""
    return [step for step in STEPS if status in step.sources]


def step_named(name: str, source: str) -> Step | None:
    """Return the step of this name that can be taken in this status."""
    return next((step for step in steps_from(source) if step.name == name), None)


def step_leading(source: str, to: str, roles: Collection[str] = STAFF) -> Step | None:
    """Return the first step by which one of `roles` changes the status from `source` to `to`."""
    steps = steps_from(source) if to != source else []
    return next((step for step in steps if step.to == to and step.roles & set(roles)), None)


def allowed_from(status: str) -> tuple[str, ...]:
    """Return the statuses that may follow this one."""
    following = (step.leads_to(status) for step in steps_from(status))
    return tuple(dict.fromkeys(to for to in following if to != status))
