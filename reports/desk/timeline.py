"""Everything that happened to a report, on its page: steps, words, photos, messages and tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from jobs.admin.task_search import newest
from jobs.models import FirstArgument, Task
from jobs.states import State
from notifications.models import Delivery
from reports.desk.offers import reason_label
from reports.models import Comment, Merge, Report, StaffNote, StatusChange
from reports.workflow import table

#: Of each kind, so many of the newest are shown.
SHOWN = 100
#: What tasks and deliveries look like where they need attention.
TROUBLE = ("dead", "failed", "undelivered", "expired")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `kind` names its mark, `who` is empty for the system."""

    at: datetime
    kind: str
    title: str
    who: str = ""
    text: str = ""
    link: str = ""
    is_internal: bool = False
    is_trouble: bool = False


class TimelinePages(admin.ModelAdmin[Report]):
    """Adds the page of everything that happened to a report, which the report's page loads."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(self.timeline_view))
        name = "reports_report_timeline"
        return [path("<uuid:object_id>/timeline/", view, name=name), *super().get_urls()]

    def timeline_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show everything that happened to a report; to a script the section of the page alone."""
        mine = Report.objects.for_staff(cast("User", request.user))
        report = get_object_or_404(mine.prefetch_related(*_SHOWN_WITH_IT), pk=object_id)
        context = {"timeline": events_of(report, _links_of(request)), "original": report}
        if request.headers.get("X-Requested-With") == "fetch":
            return TemplateResponse(request, "admin/reports/report/timeline.html", context)
        context |= self.admin_site.each_context(request)
        context |= {"title": _("Everything that happened"), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, "admin/reports/report/timeline_page.html", context)


_SHOWN_WITH_IT = (
    "photos",
    "escalations",
    "confirmations",
    "corrections__by",
    Prefetch("history", StatusChange.objects.select_related("by")),
    Prefetch("comments", Comment.objects.filter(deleted_at=None).select_related("author")),
    Prefetch("staff_notes", StaffNote.objects.select_related("author")),
)


@dataclass(frozen=True, slots=True)
class Links:
    """Whether the reader may open the pages of tasks and deliveries."""

    to_tasks: bool
    to_deliveries: bool


def _links_of(request: HttpRequest) -> Links:
    may = request.user.has_perm
    return Links(may("jobs.view_task"), may("notifications.view_delivery"))


def events_of(report: Report, links: Links) -> list[Event]:
    """Return what happened to a report, the newest first."""
    events = [
        *_steps(report.history.all()),
        *_comments(report.comments.all()),
        *_notes(report.staff_notes.all()),
        *_photos(report),
        *_corrections(report),
        *_confirmations(report),
        *_escalations(report),
        *_merges(report),
        *_deliveries(report, links),
        *_tasks(report, links),
    ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _steps(history: Iterable[StatusChange]) -> Iterator[Event]:
    for change in history:
        reason = str(reason_label(change.reason))
        yield Event(
            change.at,
            "step",
            _title_of(change),
            _name(change.by),
            ": ".join(filter(None, (reason, change.note))),
            is_internal=change.is_internal,
        )


def _title_of(change: StatusChange) -> str:
    """Return what a line of the history says, such as "Accept: new → triaged"."""
    if not change.from_status:
        return _("Reported")
    step = table.step_named(change.step, change.from_status)
    label = _("Undone") if change.undoes_id else step.label if step else _("Edited")
    if change.from_status != change.to_status:
        came_from = change.get_from_status_display()
        return f"{label}: {came_from} → {change.get_to_status_display()}"
    return f"{label}: {', '.join(change.fields)}" if change.fields else str(label)


def _comments(comments: Iterable[Comment]) -> Iterator[Event]:
    for comment in comments:
        title = _("Official reply") if comment.is_official else _("Comment")
        who = _name(comment.author) or ("" if comment.is_official else _("the reporter"))
        yield Event(comment.created_at, "comment", title, who, comment.text, "#conversation")


def _notes(notes: Iterable[StaffNote]) -> Iterator[Event]:
    for note in notes:
        yield Event(
            note.created_at,
            "note",
            _("Note among staff"),
            _name(note.author),
            note.text,
            "#conversation",
            is_internal=True,
        )


def _photos(report: Report) -> Iterator[Event]:
    for photo in report.photos.all():
        kind, state = photo.get_kind_display(), photo.get_state_display()
        title = _("Photo of %(kind)s: %(state)s") % {"kind": kind, "state": state}
        yield Event(photo.created_at, "photo", title, link="#photos")


def _corrections(report: Report) -> Iterator[Event]:
    for correction in report.corrections.all():
        lines = (
            f"{name}: {correction.before[name]} → {correction.after.get(name)}"
            for name in correction.before
        )
        text = "\n".join(sorted(lines))
        yield Event(
            correction.at, "edit", _("Corrected by the reporter"), _name(correction.by), text
        )


def _confirmations(report: Report) -> Iterator[Event]:
    """Yield what citizens said about the repair, without who said it."""
    for confirmation in report.confirmations.all():
        answer = _("repaired") if confirmation.is_fixed else _("not repaired")
        facts = {"answer": answer, "source": confirmation.get_source_display()}
        title = _("Answer about the repair: %(answer)s, says %(source)s") % facts
        photo = _("With a photo.") if confirmation.photo_id else ""
        yield Event(
            confirmation.at,
            "comment",
            title,
            text=" ".join(filter(None, (confirmation.note, photo))),
        )


def _escalations(report: Report) -> Iterator[Event]:
    for escalation in report.escalations.all():
        informed = ", ".join(escalation.recipients) or _("nobody")
        title = _("Escalated: %s") % escalation.stage
        yield Event(escalation.at, "message", title, text=_("Informed: %s") % informed)


def _merges(report: Report) -> Iterator[Event]:
    """Yield the reports that were merged into this one, and where that was undone."""
    merges = Merge.objects.filter(original=report).select_related("by", "undone_by", "duplicate")
    for merge in merges.order_by("-pk")[:SHOWN]:
        link = reverse("admin:reports_report_change", args=[merge.duplicate_id])
        title = _("Another report was merged into this one: %s") % merge.duplicate
        yield Event(merge.at, "step", title, _name(merge.by), link=link)
        if merge.undone_at is not None:
            title = _("It is a report of its own again: %s") % merge.duplicate
            yield Event(merge.undone_at, "step", title, _name(merge.undone_by), link=link)


def _deliveries(report: Report, links: Links) -> Iterator[Event]:
    """Yield the messages about the report and its comments, without the names of followers."""
    about = Q(event_key__startswith=f"report:{report.pk}:")
    for comment in report.comments.all():
        about |= Q(event_key__startswith=f"comment:{comment.pk}")
    for delivery in Delivery.objects.filter(about).order_by("-pk")[:SHOWN]:
        is_reporter = bool(delivery.contact) or delivery.user_id == report.reporter_id
        facts = {
            "channel": delivery.get_channel_display(),
            "whom": _("the reporter") if is_reporter else _("somebody else"),
            "status": delivery.get_status_display(),
        }
        yield Event(
            delivery.finished_at or delivery.created_at,
            "message",
            _("%(channel)s to %(whom)s: %(status)s") % facts,
            text=": ".join(filter(None, (delivery.template.replace("_", " "), delivery.error))),
            link=_page_of("notifications_delivery", delivery.pk) if links.to_deliveries else "",
            is_trouble=delivery.status in TROUBLE,
        )


def _tasks(report: Report, links: Links) -> Iterator[Event]:
    """Yield the tasks whose first argument is the report."""
    about = Task.objects.alias(first=FirstArgument("args")).filter(first=str(report.pk))
    for task in newest(about, State.values, is_indexed=True)[:SHOWN]:
        facts = {"name": task.actor.replace("_", " "), "state": State(task.state).label}
        yield Event(
            task.finished_at or task.created_at,
            "task",
            _("Task %(name)s: %(state)s") % facts,
            text=getattr(task, "last_error", ""),
            link=_page_of("jobs_task", task.pk) if links.to_tasks else "",
            is_trouble=task.state in TROUBLE,
        )


def _page_of(model: str, pk: Any) -> str:
    return reverse(f"admin:{model}_change", args=[pk])


def _name(user: User | None) -> str:
    return (user.name or str(user)) if user else ""
