"""The conversation on a report's page at the desk: public comments and internal notes, apart."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.models import User
from jobs.admin.object_page import ObjectPage
from reports.conversation import commenting, replying
from reports.desk.forms import HidingForm, TextForm
from reports.models import (
    Comment,
    ModerationCase,
    ReplyTemplate,
    Report,
    StaffNote,
    SubjectKind,
    WithholdingReason,
)

SHOWN = 200  # of the newest comments and notes


class ConversationPages(ObjectPage[Report]):
    """Adds the conversation to the page of a report, and the addresses of its forms."""

    def get_urls(self) -> list[Any]:
        views = {"reply": self.reply_view, "note": self.note_view, "hide": self.hide_view}
        return [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"reports_report_{name}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    def page_context(self, request: HttpRequest, row: Report) -> dict[str, Any]:
        return super().page_context(request, row) | {"conversation": _conversation(row)}

    def reply_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send an official reply."""
        report, form = self._report(request, object_id), TextForm(request.POST)
        if form.is_valid():
            replying.reply(report, form.cleaned_data["text"], by=cast("User", request.user))
            self.message_user(request, _("The reply is public."), messages.SUCCESS)
        return self._back(request, report, form)

    def note_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a note among staff."""
        report, form = self._report(request, object_id), TextForm(request.POST)
        if form.is_valid():
            commenting.note(report, form.cleaned_data["text"], author=cast("User", request.user))
            self.message_user(request, _("The note is kept among staff."), messages.SUCCESS)
        return self._back(request, report, form)

    def hide_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Hide a comment from the public."""
        report, form = self._report(request, object_id), HidingForm(request.POST)
        if form.is_valid():
            comment = get_object_or_404(Comment, report=report, pk=form.cleaned_data["comment"])
            reason = form.cleaned_data["reason"]
            commenting.hide(comment, by=cast("User", request.user), reason=reason, note="")
            self.message_user(request, _("The comment is hidden."), messages.SUCCESS)
        return self._back(request, report, form)

    def _report(self, request: HttpRequest, object_id: str) -> Report:
        try:
            report = get_object_or_404(self.get_queryset(request), pk=object_id)
        except ValidationError as error:
            raise PermissionDenied from error
        if not self.has_change_permission(request, report):
            raise PermissionDenied
        return report

    def _back(self, request: HttpRequest, report: Report, form: forms.Form) -> HttpResponse:
        for errors in form.errors.values():
            self.message_user(request, " ".join(map(str, errors)), messages.ERROR)
        page = reverse("admin:reports_report_change", args=[report.pk])
        return HttpResponseRedirect(f"{page}#conversation")


def _conversation(report: Report) -> dict[str, Any]:
    """Return what the page shows of the conversation."""
    cases = ModerationCase.objects.waiting().filter(
        kind=SubjectKind.COMMENT, subject_id=OuterRef("pk")
    )
    comments = Comment.objects.filter(report=report, deleted_at=None)
    templates = ReplyTemplate.objects.for_report(report)
    return {
        "comments": _newest(comments.annotate(is_waiting=Exists(cases))),
        "notes": _newest(StaffNote.objects.filter(report=report)),
        "previews": [replying.preview(template, report) for template in templates],
        "reasons": WithholdingReason.choices,
        "text_form": TextForm(),
    }


def _newest(rows: QuerySet[Any]) -> list[Any]:
    """Return the newest rows with what is shown of them, the oldest of these first."""
    newest = rows.select_related("author").order_by("-created_at", "-pk")[:SHOWN]
    return list(newest)[::-1]
