"""Steps with reports at the desk: from a report's page, or with many from the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from accounts.models import User
from reports.desk.conversation import ConversationPages
from reports.desk.forms import StepForm
from reports.desk.offers import fields_to, offer
from reports.errors import ReportsError
from reports.models import Report, Status
from reports.routing import assignment
from reports.steps import taking
from reports.steps.taking import Step
from reports.workflow import checking, undoing
from reports.workflow.roles import roles_in

BULK_MAXIMUM = 200


class StepPages(ConversationPages):
    """Adds the steps to a report's page, and takes them, also with many reports of the list."""

    def get_urls(self) -> list[Any]:
        def post(name: str, view: Any) -> Any:
            guarded = self.admin_site.admin_view(require_POST(view))
            return path(f"<path:object_id>/{name}/", guarded, name=f"reports_report_{name}")

        return [post("step", self.step_view), post("undo", self.undo_view), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Report) -> dict[str, Any]:
        user = cast("User", request.user)
        roles = roles_in(row, user)
        form = StepForm(initial={"is_publishing": True}, reports=[row], auto_id=False)
        return super().page_context(request, row) | {
            "steps": [offer(step, row, form) for step in checking.available(row, roles)],
            "step_form": form,
            "undoable": undoing.undoable(row, by=user, roles=roles),
            "seen": row.updated_at.isoformat(),
            "is_guess": row.status == Status.NEW and not assignment.is_certain(row),
        }

    def step_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a step with one report, from its page."""
        report = self._report(request, object_id)
        form = StepForm(request.POST, reports=[report])
        if form.is_valid() and not (form.cleaned_data["to"] or form.cleaned_data["step"]):
            form.add_error(None, "Choose one of the steps.")
        if form.is_valid():
            step = form.step_by(cast("User", request.user))
            self._take(request, [(report, request.POST.get("seen", ""))], step)
        else:
            self.message_user(request, form.errors.as_text(), messages.ERROR)
        return self._after_step(request, report)

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Undo the last step with a report, from its page."""
        report = self._report(request, object_id)
        user = cast("User", request.user)
        try:
            undoing.undo(report, by=user, roles=roles_in(report, user))
            self.message_user(request, "The last step was undone.", messages.SUCCESS)
        except ReportsError as error:
            self.message_user(request, str(error), messages.WARNING)
        return self._after_step(request, report)

    def _after_step(self, request: HttpRequest, report: Report) -> HttpResponse:
        back = reverse("admin:reports_report_change", args=[report.pk])
        return self._left_behind(request, report) or HttpResponseRedirect(back)

    def _left_behind(self, request: HttpRequest, report: Report) -> HttpResponse | None:
        """Return a redirect to the list if the report went to another department, else None."""
        now = Report.objects.with_related().get(pk=report.pk)
        if now.may_be_changed_by(cast("User", request.user)):
            return None
        text = f"Saved. “{now}” ({now.category or 'no category'}) is with {now.department} now."
        self.message_user(request, f"{text} Only that department works on it.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:reports_report_changelist"))

    def bulk_step(self, request: HttpRequest, queryset: QuerySet[Report], status: Status) -> Any:
        """Preview a step with each selected report; take it once that is confirmed."""
        reports = list(queryset[: BULK_MAXIMUM + 1])
        if len(reports) > BULK_MAXIMUM:
            text = f"Select {BULK_MAXIMUM} reports at most."
            return self.message_user(request, text, messages.ERROR)
        is_confirmed = "confirmed" in request.POST
        form = StepForm(request.POST if "previewed" in request.POST else None, reports=reports)
        step = form.step_by(cast("User", request.user), to=status)
        if is_confirmed and form.is_valid():
            seen = [(report, request.POST.get(f"seen_{report.pk}", "")) for report in reports]
            return self._take(request, seen, step)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Mark as {status.label}",
            "fields": [form[name] for name in fields_to(status)],
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "action": f"mark_{status.value}",
            "checkbox": ACTION_CHECKBOX_NAME,
            "outlooks": [taking.outlook(report, step) for report in reports],
        }
        return TemplateResponse(request, "admin/reports/report/bulk_step.html", context)

    def _take(self, request: HttpRequest, reports: list[tuple[Report, str]], step: Step) -> None:
        """Take the step with each report; show those with which it cannot be taken."""
        moved = 0
        for report, seen in reports:
            try:
                roles = roles_in(report, cast("User", request.user))
                taking.take(report, step, roles=roles, seen=seen)
                moved += 1
            except ReportsError as error:
                self.message_user(request, f"{report}: {error}", messages.WARNING)
        if moved:
            self.message_user(request, f"{moved} {step.label}.", messages.SUCCESS)


def bulk_action(status: Status) -> Callable[[Any, HttpRequest, QuerySet[Report]], Any]:
    """Return the admin action that previews a step with the selected reports, and then takes it."""

    @admin.action(description=f"Mark as {status.label}…")
    def move(modeladmin: StepPages, request: HttpRequest, queryset: QuerySet[Report]) -> Any:
        return modeladmin.bulk_step(request, queryset, status)

    move.__name__ = f"mark_{status.value}"
    return move
