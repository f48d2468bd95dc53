"""The desk's pages of patterns: what the newest run has found, with the reports concerned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from jobs.api import starting
from jobs.errors import DomainError
from jobs.execution import job_types
from jobs.models import JobResult
from jobs.results.exporting import FORMS, export
from reports.desk.helping import WishForm, wish_of
from reports.errors import ReportsError
from reports.helping import asking
from reports.models import PatternFinding, works_on_reports
from reports.patterns.serializers import PatternsPayloadSerializer

JOB_TYPE = "reports.patterns"
RUNS_SHOWN = 20


class RunFilter(admin.SimpleListFilter):
    """Filters findings by their run; by default those of the newest that has ended."""

    title = _("run")
    parameter_name = "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(run.pk), _label(run)) for run in _runs()[:RUNS_SHOWN]]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": gettext("The newest")}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PatternFinding]
    ) -> QuerySet[PatternFinding]:
        run = chosen_run(request)
        return queryset.filter(result=run) if run else queryset.none()


def chosen_run(request: HttpRequest) -> JobResult | None:
    """Return the run whose findings the page shows, or None while there is none.

    By default that is the newest one that has ended.
    """
    value = request.GET.get(RunFilter.parameter_name)
    runs = _runs().filter(pk=UUID(value)) if value else _runs()
    return runs.order_by("is_partial", "-created_at").first()


def _runs() -> QuerySet[JobResult]:
    return JobResult.objects.filter(job_type=JOB_TYPE).order_by("-created_at")


def _label(run: JobResult) -> str:
    at = date_format(timezone.localtime(run.created_at), "DATETIME_FORMAT")
    return gettext("%s, not whole") % at if run.is_partial else at


@admin.register(PatternFinding)
class PatternFindingAdmin(ReadOnlyAdmin[PatternFinding]):
    """Patterns in public reports, for all staff of departments."""

    list_display = (
        "summary",
        "kind",
        "category",
        "first_day",
        "last_day",
        "reports",
        "expected",
        "strength",
        "p_value",
    )
    list_filter = (RunFilter, "kind", "category")
    list_select_related = ("category",)
    ordering = ("result", "number")
    fields = (
        "summary",
        "kind",
        "category",
        ("first_day", "last_day"),
        ("reports", "expected"),
        ("strength", "p_value"),
        "concerned",
        "map_link",
        "facts",
        "run",
    )
    change_form_template = "admin/reports/patternfinding/change_form.html"
    change_list_template = "admin/reports/patternfinding/change_list.html"

    class Media:
        css = {"all": ["reports/desk.css"]}

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("search/", view(require_POST(self.search_view)), name="reports_patterns_search"),
            path(
                "export/<uuid:run>/<str:form>/",
                view(self.export_view),
                name="reports_patterns_export",
            ),
            path(
                "<uuid:object_id>/ask-help/",
                view(require_POST(self.ask_help_view)),
                name="reports_patterns_ask_help",
            ),
            *super().get_urls(),
        ]

    # --- Who may, and what they see --------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: PatternFinding | None = None) -> bool:
        return works_on_reports(request.user)

    @admin.display(description=_("pattern"), ordering="number")
    def summary(self, finding: PatternFinding) -> str:
        return str(finding)

    @admin.display(description=_("reports of your departments"))
    def concerned(self, finding: PatternFinding) -> str:
        url = f"{reverse('admin:reports_report_changelist')}?pattern={finding.pk}"
        return format_html('<a href="{}">{}</a>', url, gettext("Show them"))

    @admin.display(description=_("map"))
    def map_link(self, finding: PatternFinding) -> str:
        if finding.latitude is None or finding.longitude is None:
            return gettext("The whole city")
        place = f"{finding.latitude}/{finding.longitude}"
        marker = f"mlat={finding.latitude}&mlon={finding.longitude}"
        url = f"https://www.openstreetmap.org/?{marker}#map=16/{place}"
        return format_html('<a href="{}" rel="noreferrer">{}</a>', url, place.replace("/", ", "))

    @admin.display(description=_("found by the run of"))
    def run(self, finding: PatternFinding) -> str:
        return _label(finding.result)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        run = chosen_run(request)
        shown = {"run": run, "run_label": _label(run) if run else "", "forms": list(FORMS)}
        return super().changelist_view(request, shown | (extra_context or {}))

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: PatternFinding | None = None,
    ) -> Any:
        if obj is not None and obj.is_at_a_place:
            open_reports = asking.open_reports(obj, cast("User", request.user))
            context |= {"open_reports": open_reports, "wish_form": WishForm(auto_id=False)}
        return super().render_change_form(request, context, add, change, form_url, obj)

    # --- What they do ----------------------------------------------------------------------------

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """Start a run with all defaults."""
        job_type = job_types.find(JOB_TYPE)
        if job_type is None or not self.has_view_permission(request):
            raise PermissionDenied
        payload = PatternsPayloadSerializer(data={})
        payload.is_valid(raise_exception=True)
        try:
            starting.start(job_type, payload.data, by=cast("UUID", request.user.pk))
            text, level = (
                gettext("The search has begun. Load this page again in a minute."),
                messages.SUCCESS,
            )
        except DomainError as error:
            text, level = str(error), messages.ERROR
        self.message_user(request, text, level)
        return HttpResponseRedirect(reverse("admin:reports_patternfinding_changelist"))

    def export_view(self, request: HttpRequest, run: UUID, form: str) -> HttpResponse:
        """Return the findings of a run as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        kept = get_object_or_404(_runs(), pk=run)
        if form not in FORMS:
            raise ValueError(f"No such form: {form}.")
        text, media_type = export(kept, job_types.find(JOB_TYPE), form)
        headers = {"Content-Disposition": f'attachment; filename="patterns.{form}"'}
        return HttpResponse(text, content_type=media_type, headers=headers)

    def ask_help_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Ask neighbours to help at the place of a pattern."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        finding = get_object_or_404(PatternFinding, pk=object_id)
        try:
            requests = asking.ask_about(finding, wish_of(request), by=cast("User", request.user))
            text = ngettext(
                "Neighbours are asked, about %s report of your departments.",
                "Neighbours are asked, about %s reports of your departments.",
                len(requests),
            )
            self.message_user(request, text % len(requests), messages.SUCCESS)
        except ReportsError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(
            reverse("admin:reports_patternfinding_change", args=[finding.pk])
        )
