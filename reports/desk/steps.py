"""Steps with reports at the desk: from a report's page, or with many from the list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.models import User
from reports.desk.conversation import ConversationPages
from reports.desk.forms import BulkStepForm, StepForm
from reports.desk.offers import HAND_OVER, fields_of, fields_to, offer
from reports.errors import ReportsError
from reports.models import Report, Status
from reports.routing import assignment
from reports.steps import taking
from reports.steps.taking import Step
from reports.workflow import checking, table, undoing
from reports.workflow.roles import roles_in

BULK_MAXIMUM = 200


@dataclass(frozen=True, kw_only=True)
class BulkStep:
    """A step that many reports take: the one to a status, or the one with a name."""

    to: str = ""
    name: str = ""

    @property
    def action(self) -> str:
        """Return the name of the list's action."""
        return f"mark_{self.to}" if self.to else self.name

    @property
    def title(self) -> str:
        """Return the words of the list's action and of its button."""
        if self.to:
            return _("Mark as %s") % Status(self.to).label
        return next(str(row.label) for row in table.STEPS if row.name == self.name)

    @property
    def fields(self) -> list[str]:
        """Return the fields to show, beside a note."""
        return fields_to(self.to) if self.to else fields_of(self.name)


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
            form.add_error(None, _("Choose one of the steps."))
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
            self.message_user(request, _("The last step was undone."), messages.SUCCESS)
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
        text = _(
            "Saved. “%(report)s” (%(category)s) is with %(department)s now. "
            "Only that department works on it."
        )
        words = {
            "report": now,
            "category": now.category or _("no category"),
            "department": now.department,
        }
        self.message_user(request, text % words, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:reports_report_changelist"))

    def bulk_step(
        self, request: HttpRequest, queryset: QuerySet[Report], bulk: BulkStep
    ) -> HttpResponse | None:
        """Preview a step with each selected report; take it once that is confirmed."""
        reports = list(queryset[: BULK_MAXIMUM + 1])
        if len(reports) > BULK_MAXIMUM:
            text = _("Select %s reports at most.") % BULK_MAXIMUM
            self.message_user(request, text, messages.ERROR)
            return None
        form = BulkStepForm(request.POST if "previewed" in request.POST else None, reports=reports)
        step = form.step_by(cast("User", request.user), to=bulk.to, name=bulk.name)
        if "confirmed" in request.POST and form.is_valid():
            seen = [(report, request.POST.get(f"seen_{report.pk}", "")) for report in reports]
            self._take(request, seen, step)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": bulk.title,
            "fields": [form[name] for name in bulk.fields],
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "action": bulk.action,
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


def bulk_action(bulk: BulkStep) -> Callable[[Any, HttpRequest, QuerySet[Report]], Any]:
    """Return the admin action that previews a step with the selected reports, and then takes it."""

    @admin.action(description=f"{bulk.title}…")
    def move(modeladmin: StepPages, request: HttpRequest, queryset: QuerySet[Report]) -> Any:
        return modeladmin.bulk_step(request, queryset, bulk)

    move.__name__ = bulk.action
    return move


BULK_ACTIONS = [
    *(bulk_action(BulkStep(to=status)) for status in Status if status != Status.NEW),
    bulk_action(BulkStep(name=HAND_OVER)),
]
