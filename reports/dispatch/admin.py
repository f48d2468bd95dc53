"""The desk's pages of plans: start one, look at it, print it, apply it and undo it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from jobs.api import starting
from jobs.errors import JobsError
from jobs.execution import job_types
from jobs.models import Task
from jobs.operations import actions
from jobs.states import TERMINAL_STATES
from reports.dispatch import applying, showing, sketching, views
from reports.dispatch.actors import JOB_TYPE
from reports.dispatch.applying import Outcome
from reports.dispatch.forms import PlanForm
from reports.errors import PlanRefused
from reports.models import (
    DispatchPlan,
    PhotoKind,
    PhotoState,
    Report,
    StopState,
    works_on_reports,
)

#: So many of the reports left out stand on the page; all are counted.
LEFT_OUT_SHOWN = 200
PAGES = "admin/reports/dispatchplan"


@admin.register(DispatchPlan)
class DispatchPlanAdmin(ReadOnlyAdmin[DispatchPlan]):
    """Plans of the departments in which one works."""

    list_display = ("day", "department", "state", "reports", "kilometres", "created")
    list_filter = ("day", "department")
    list_select_related = ("department", "result")
    ordering = ("-result",)
    list_per_page = 50

    class Media:
        css: ClassVar = {"all": ["reports/desk.css", "reports/dispatch.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[DispatchPlan]:
        """Return the plans of the departments in which this member of staff works."""
        return DispatchPlan.objects.for_staff(cast("User", request.user))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: DispatchPlan | None = None) -> bool:
        return works_on_reports(request.user)

    @admin.display(description=_("reports"))
    def reports(self, plan: DispatchPlan) -> int:
        return int(plan.result.result["reports"])

    @admin.display(description=_("km"))
    def kilometres(self, plan: DispatchPlan) -> str:
        return f"{plan.result.result['metres'] / 1000:.1f}"

    @admin.display(description=_("made"), ordering="result__created_at")
    def created(self, plan: DispatchPlan) -> Any:
        return plan.result.created_at

    def get_urls(self) -> list[Any]:
        def page(address: str, view: Any, name: str) -> Any:
            return path(address, self.admin_site.admin_view(view), name=f"dispatchplan_{name}")

        return [
            page("start/", self.start_view, "start"),
            page("jobs/<uuid:task_id>/", self.follow_view, "follow"),
            page("jobs/<uuid:task_id>/cancel/", require_POST(self.cancel_view), "cancel"),
            page("<uuid:plan_id>/sheets/", self.sheets_view, "sheets"),
            page("<uuid:plan_id>/geojson/", self.geojson_view, "geojson"),
            page("<uuid:plan_id>/apply/", require_POST(self.apply_view), "apply"),
            page("<uuid:plan_id>/undo/", require_POST(self.undo_view), "undo"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        running = self._jobs(request).exclude(state__in=TERMINAL_STATES)
        context = {"title": _("Plans of crews' days"), "running": running.order_by("-id")[:10]}
        return super().changelist_view(request, (extra_context or {}) | context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one plan: the stops of each crew, and what is left out."""
        plan = self._plan(request, object_id)
        left_out = list(plan.left_out.all())
        context = self._context(request, f"{plan.department}, {plan.day}") | {
            "plan": plan,
            "figures": plan.result.result,
            "kilometres": self.kilometres(plan),
            "running": self._jobs(request)
            .filter(pk=plan.pk)
            .exclude(state__in=TERMINAL_STATES)
            .first(),
            "routes": plan.routes.all(),
            "left_out": left_out[:LEFT_OUT_SHOWN],
            "left_out_count": len(left_out),
        }
        return TemplateResponse(request, f"{PAGES}/plan.html", context)

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Ask what to plan, and start the job."""
        user = cast("User", request.user)
        self._require(request)
        form = PlanForm(request, user, request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid() and (job := self._start(form, user)):
            return HttpResponseRedirect(reverse("admin:dispatchplan_follow", args=[job.pk]))
        context = self._context(request, gettext("Plan a day")) | {"form": form}
        return TemplateResponse(request, f"{PAGES}/start.html", context)

    def _start(self, form: PlanForm, user: User) -> Task | None:
        job_type = job_types.find(JOB_TYPE)
        assert job_type is not None  # noqa: S101 - `dispatch.actors` declares it
        try:
            return starting.start(job_type, form.payload, by=user.pk)
        except JobsError as error:
            form.add_error(None, str(error))
            return None

    def follow_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Show how far a plan is, until it is made."""
        job = get_object_or_404(self._jobs(request), pk=task_id)
        plan = self.get_queryset(request).filter(pk=task_id).first()
        if job.is_terminal and plan is not None:
            return HttpResponseRedirect(_page(task_id))
        context = self._context(request, gettext("Planning")) | {"job": job, "plan": plan}
        return TemplateResponse(request, f"{PAGES}/follow.html", context)

    def cancel_view(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Stop the search; the best plan so far stays."""
        job = get_object_or_404(self._jobs(request), pk=task_id)
        actions.cancel([job.pk], by=cast("UUID", request.user.pk))
        return HttpResponseRedirect(reverse("admin:dispatchplan_follow", args=[job.pk]))

    def sheets_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """Show a sheet for each crew, to print."""
        plan = self._plan(request, plan_id)
        sheets = [
            {
                "route": route,
                "stops": [_on_sheet(stop) for stop in route.stops.all()],
                "sketch": sketching.sketch(list(route.stops.all())),
            }
            for route in plan.routes.all()
        ]
        return TemplateResponse(request, f"{PAGES}/sheets.html", {"plan": plan, "sheets": sheets})

    def geojson_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """Send the routes and stops as a file."""
        return views.geojson(self._plan(request, plan_id))

    def apply_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """Assign the reports of a plan."""
        return self._change(request, plan_id, applying.apply, _("%s assigned."))

    def undo_view(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """Take back what a plan assigned."""
        return self._change(request, plan_id, applying.undo, _("%s taken back."))

    def _change(
        self, request: HttpRequest, plan_id: UUID, change: Callable[..., Outcome], text: Any
    ) -> HttpResponse:
        plan = self._plan(request, plan_id)
        try:
            outcome = change(plan, by=cast("User", request.user))
        except PlanRefused as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(_page(plan_id))
        self.message_user(request, text % outcome.done, messages.SUCCESS)
        if unchanged := plan.stops.filter(state=StopState.ASSIGNED, change=None).count():
            text = ngettext(
                "One of its reports was with its crew before the plan, and stays there.",
                "%(count)s of its reports were with their crew before the plan, and stay there.",
                unchanged,
            )
            self.message_user(request, text % {"count": unchanged}, messages.INFO)
        if outcome.left:
            text = ngettext(
                "%s was left as it is; the table says why.",
                "%s were left as they are; the table says why.",
                len(outcome.left),
            )
            self.message_user(request, text % len(outcome.left), messages.WARNING)
        return HttpResponseRedirect(_page(plan_id))

    def _plan(self, request: HttpRequest, plan_id: str | UUID) -> DispatchPlan:
        self._require(request)
        plans = showing.detailed(DispatchPlan.objects.for_staff(cast("User", request.user)))
        return get_object_or_404(plans, pk=_uuid(plan_id))

    def _jobs(self, request: HttpRequest) -> QuerySet[Task]:
        """Return the jobs that this person may follow: their own, for a superuser all."""
        self._require(request)
        return Task.objects.jobs_of(request.user).filter(job_type=JOB_TYPE)

    def _require(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        context = self.admin_site.each_context(request)
        return context | {"title": title, "opts": self.opts, "media": self.media}


def _page(plan_id: UUID) -> str:
    return reverse("admin:reports_dispatchplan_change", args=[plan_id])


def _uuid(text: str | UUID) -> UUID:
    """Return the id that an address names.

    Raises:
        Http404: it is none.
    """
    try:
        return text if isinstance(text, UUID) else UUID(text)
    except ValueError as error:
        raise Http404 from error


def _on_sheet(stop: Any) -> dict[str, Any]:
    return {"stop": stop, "photo": _photo(stop.report)}


def _photo(report: Report) -> Any:
    """Return the first picture of the problem, if there is one to see."""
    shown = (PhotoKind.BEFORE, PhotoKind.UNREPAIRED)
    photos = [photo for photo in report.photos.all() if photo.state == PhotoState.READY]
    return next((photo for photo in photos if photo.kind in shown), None)
