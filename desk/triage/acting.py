"""What is done with a report in triage: each action by the rules of its own part, and its undoing.

An action is one transaction together with its row, by which a repeated request gets the same answer
and the action can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from accounts.models import User
from desk.models import TriageAction
from desk.triage.forms import CategoryForm, FlagForm, OtherReportForm, require_valid
from jobs.ledger import database
from reports.conversation import commenting, replying
from reports.desk.forms import StepForm, TextForm
from reports.duplicates import merging
from reports.errors import ReportsError, StepForbidden, StepIncomplete, UndoRefused
from reports.models import (
    Category,
    ModerationCase,
    Report,
    Status,
    StatusChange,
    SubjectKind,
)
from reports.moderation import cases, flags
from reports.routing import assignment
from reports.steps import taking
from reports.workflow import undoing
from reports.workflow.roles import roles_in
from reports.workflow.versions import require as require_version

#: A row is kept so long; the undo ends after STEP_UNDO_MINUTES already.
KEPT = timedelta(days=1)
LABEL_MAXIMUM = 300


class NotPossible(ReportsError):
    """This cannot be done in triage."""


class NotYours(ReportsError):
    """This report is not one of your departments, or not any more."""


class NothingToUndo(UndoRefused):
    """There is nothing of yours that could be undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An action that somebody asks for: `version` is that of the report which they saw.

    `key` stands for the request, also when it is repeated; `host` is where it came from.
    """

    key: UUID
    report_id: UUID
    by: User
    version: int
    sent: Mapping[str, Any]
    host: str = ""


@dataclass(frozen=True, slots=True)
class LockedRequest:
    """A request, with its report as it was seen, locked."""

    request: Request
    report: Report

    @property
    def by(self) -> User:
        return self.request.by

    @property
    def sent(self) -> Mapping[str, Any]:
        return self.request.sent


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action, in words; with `is_decided` the report leaves the line by it."""

    label: str
    is_decided: bool = True
    other: UUID | None = None
    can_be_undone: bool = True


def act(name: str, request: Request) -> TriageAction:
    """Do what is asked; a repeated request changes nothing and returns the first action.

    Raises:
        NotYours: this person does not work on the report.
        ReportChanged: the report is not of the version that was seen.
        ReportsError: it is refused, as by the rules of its part.
    """
    with transaction.atomic():
        database.lock(f"triage action {request.key}")
        earlier = TriageAction.objects.filter(pk=request.key).first()
        if earlier is not None:
            return _repeated(request, earlier)
        report = _as_seen(request)
        if name not in ACTIONS:
            raise NotPossible(_("There is no such action."))
        locked = LockedRequest(request, report)
        return _kept(locked, ACTIONS[name](locked))


def undo(by: User, action_id: UUID | None = None) -> TriageAction:
    """Undo an action of this person, the last one that can be undone unless another is named.

    Raises:
        NothingToUndo: there is none, or it was undone already.
        UndoRefused: the report has changed since, or people have been told.
    """
    with transaction.atomic():
        action = _undoable(by, action_id)
        if action is None:
            raise NothingToUndo
        if action.other is not None:
            _separate_again(action, by)
        for pk in action.changes if action.other is None else ():
            change = StatusChange.objects.select_related("by").get(pk=pk)
            # The role in which they acted: the report may be with another department by now.
            roles = frozenset({change.role})
            undoing.take_back(change, by=by, roles=roles, is_late=False)
        action.undone_at = database.now()
        action.save(update_fields=["undone_at"])
    return action


def last_undoable(by: User) -> TriageAction | None:
    """Return the last action of this person that could still be undone, or None."""
    last: TriageAction | None = _of(by).first()
    return last


def _repeated(request: Request, earlier: TriageAction) -> TriageAction:
    """Return the action that has the key of a request already.

    Raises:
        NotYours: this person does not work on the report.
        NotPossible: the key belongs to another person's action, or to one with another report.
    """
    if (earlier.by_id, earlier.report_id) == (request.by.pk, request.report_id):
        return earlier
    if not Report.objects.for_staff(request.by).filter(pk=request.report_id).exists():
        raise NotYours
    raise NotPossible(_("The key was used for something else. Load the page again."))


def _of(by: User) -> Any:
    """Return the actions of this person that can be undone by their kind and time."""
    since = Now() - timedelta(minutes=settings.STEP_UNDO_MINUTES)
    mine = TriageAction.objects.filter(by=by, undone_at=None, can_be_undone=True, at__gte=since)
    return mine.order_by("-at", "-pk")


def _undoable(by: User, action_id: UUID | None) -> TriageAction | None:
    actions = _of(by).select_for_update(of=("self",))
    action: TriageAction | None = (
        actions.filter(pk=action_id).first() if action_id else actions.first()
    )
    return action


def _as_seen(request: Request) -> Report:
    """Return the report as stored and locked, if it is as it was seen and with this person.

    Another report that comes with the action is locked too, in one order, as by a merge.
    """
    mine = Report.objects.for_staff(request.by).filter(pk=request.report_id)
    if not mine.exists():
        raise NotYours
    other = OtherReportForm(request.sent)
    ids = [request.report_id, *([other.cleaned_data["other"]] if other.is_valid() else [])]
    rows = Report.objects.select_for_update(of=("self",)).with_related().order_by("pk")
    report = rows.in_bulk(ids)[request.report_id]
    require_version(report, {request.version})
    return report


def _kept(locked: LockedRequest, done: Done) -> TriageAction:
    """Store the action with the lines of the history that it wrote; forget what is too old."""
    lines = StatusChange.objects.filter(report=locked.report, version__gt=locked.request.version)
    # Of lines with one version the first says what is undone; a note may follow it.
    mine = lines.filter(by=locked.by).order_by("-version", "id").distinct("version")
    TriageAction.objects.filter(by=locked.by, at__lt=Now() - KEPT).delete()
    return TriageAction.objects.create(
        id=locked.request.key,
        by=locked.by,
        report=locked.report,
        label=Truncator(done.label).chars(LABEL_MAXIMUM),
        changes=list(mine.values_list("pk", flat=True)),
        other=done.other,
        is_decided=done.is_decided,
        can_be_undone=done.can_be_undone,
    )


# --- The actions -------------------------------------------------------------------------------


def _accept(locked: LockedRequest) -> Done:
    """Choose the category; a new report is triaged and sent where the rules of routing say.

    A report that has the category already stays as it is. With `is_publishing` what waits for
    moderation becomes public.
    """
    form = CategoryForm(locked.sent)
    require_valid(form)
    category: Category = form.cleaned_data["category"]
    is_publishing = form.cleaned_data["is_publishing"]
    is_published = is_publishing and _published(locked)
    if _has_settled_on(category, locked.report):
        label = _("Published as %(category)s") if is_published else _("Left as %(category)s")
        return Done(label % {"category": category}, can_be_undone=False)
    now = _categorised(locked, category, is_publishing=is_publishing)
    words = {"category": category, "department": now.department or _("no department")}
    label = _("Accepted as %(category)s, sent to %(department)s") % words
    return Done(label, can_be_undone=not is_published)  # what moderation decided stays decided


def _has_settled_on(category: Category, report: Report) -> bool:
    is_settled = report.status != Status.NEW and assignment.is_certain(report)
    return is_settled and report.category == category


def _published(locked: LockedRequest) -> bool:
    """Approve the publication of a report that was triaged and waits for it; return whether it did.

    That of a new report is decided together with its triage.
    """
    if locked.report.status == Status.NEW:
        return False
    waiting = ModerationCase.objects.waiting().for_staff(locked.by)
    case = waiting.filter(kind=SubjectKind.REPORT, subject_id=locked.report.pk).first()
    if case is not None:
        cases.approve(case, by=locked.by)
    return case is not None


def _categorised(locked: LockedRequest, category: Category, *, is_publishing: bool) -> Report:
    """Give the report the category, with all that follows; return it as stored now."""
    assignment.revise(
        locked.report, {"category": category}, by=locked.by, is_publishing=is_publishing
    )
    return Report.objects.with_related().get(pk=locked.report.pk)


def _merge(locked: LockedRequest) -> Done:
    """Close the report as a duplicate of another one."""
    other = _other(locked)
    merging.merge(locked.report, into=other, by=locked.by)
    return Done(_("Merged into “%(title)s”") % {"title": other.title}, other=other.pk)


def _separate(locked: LockedRequest) -> Done:
    """Note that another report is not about the same problem."""
    other = _other(locked)
    merging.refuse(locked.report, other, by=locked.by)
    words = _("Not the same as “%(title)s”") % {"title": other.title}
    return Done(words, is_decided=False, other=other.pk)


def _separate_again(action: TriageAction, by: User) -> None:
    """Take back a merge, or that two reports are not the same.

    Raises:
        UndoRefused: the report is with another department now.
    """
    if not action.report.may_be_changed_by(by):
        raise UndoRefused(_("This report is with another department now."))
    other = Report.objects.get(pk=cast("UUID", action.other))
    merging.undo(action.report, other, by=by)


def _other(locked: LockedRequest) -> Report:
    form = OtherReportForm(locked.sent)
    require_valid(form)
    readable = Report.objects.visible_to(locked.by).filter(pk=form.cleaned_data["other"])
    other = readable.first()
    if other is None:
        raise StepIncomplete({"other": _("There is no report with this id that you may read.")})
    return other


def _assign(locked: LockedRequest) -> Done:
    """Assign the report; a new one is accepted first, with the category that comes along."""
    report = locked.report
    if report.status == Status.NEW:
        report = _accepted(locked)
    form = StepForm({**locked.sent, "step": "assign"}, reports=[report])
    require_valid(form)
    roles = roles_in(report, locked.by)
    if not roles:
        words = {"department": report.department}
        raise StepForbidden(
            _("It goes to %(department)s, where you do not work: accept it, they will assign it.")
            % words
        )
    step = form.step_by(locked.by)
    taking.take(report, step, roles=roles)
    return Done(_("Assigned to %(who)s") % {"who": step.inputs.assignee})


def _accepted(locked: LockedRequest) -> Report:
    """Accept a new report as a part of another action."""
    form = CategoryForm(locked.sent)
    require_valid(form)
    return _categorised(
        locked, form.cleaned_data["category"], is_publishing=form.cleaned_data["is_publishing"]
    )


def _step(locked: LockedRequest) -> Done:
    """Take a step of the workflow."""
    form = StepForm(locked.sent, reports=[locked.report])
    require_valid(form)
    step = form.step_by(locked.by)
    if not step.name:
        raise StepIncomplete({"step": _("Choose one of the steps.")})
    taking.take(locked.report, step, roles=roles_in(locked.report, locked.by))
    return Done(step.title)


def _reply(locked: LockedRequest) -> Done:
    """Send an official reply."""
    form = TextForm(locked.sent)
    require_valid(form)
    replying.reply(locked.report, form.cleaned_data["text"], by=locked.by)
    return Done(_("Replied"), is_decided=False, can_be_undone=False)


def _note(locked: LockedRequest) -> Done:
    """Keep a note among staff."""
    form = TextForm(locked.sent)
    require_valid(form)
    commenting.note(locked.report, form.cleaned_data["text"], author=locked.by)
    return Done(_("Note kept"), is_decided=False, can_be_undone=False)


def _flag(locked: LockedRequest) -> Done:
    """Let moderation look at the report."""
    form = FlagForm(locked.sent)
    require_valid(form)
    flags.flag(
        locked.report,
        SubjectKind.REPORT,
        locked.report.pk,
        by=locked.by,
        host=locked.request.host,
        reason=form.cleaned_data["reason"],
        note=form.cleaned_data["note"],
    )
    return Done(_("Sent to moderation"), can_be_undone=False)


ACTIONS: dict[str, Callable[[LockedRequest], Done]] = {
    "accept": _accept,
    "merge": _merge,
    "separate": _separate,
    "assign": _assign,
    "step": _step,
    "reply": _reply,
    "note": _note,
    "flag": _flag,
}
