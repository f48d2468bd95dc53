"""The administrators' pages of routing: its rules, and their trial on past reports."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from reports.models import Report, RoutingRule
from reports.routing import rules, trying
from reports.routing.trying import REPORTS_MAXIMUM, ROWS_MAXIMUM


class TrialForm(forms.Form):
    """The options of a trial."""

    last = forms.IntegerField(
        label="Newest reports", min_value=1, max_value=REPORTS_MAXIMUM, initial=1_000
    )
    drafts = forms.BooleanField(label="Also rules that are switched off", required=False)


@admin.register(RoutingRule)
class RoutingRuleAdmin(AuditedAdmin[RoutingRule]):
    """Rules as sentences, in the order in which they are tried."""

    list_display = ("name", "position", "sentence", "state")
    list_editable = ("position",)
    list_filter = ("is_active", "department")
    list_select_related = rules.NAMED
    search_fields = ("name", "category__name", "area__name", "department__name")
    autocomplete_fields = ("category", "group", "area", "department", "crew")
    readonly_fields = ("sentence", "state")
    ordering = ("position", "id")
    fieldsets: ClassVar = [
        (None, {"fields": ("name", "position", "is_active", "sentence", "state")}),
        (
            "If all of these hold",
            {
                "fields": (
                    "category",
                    "group",
                    "area",
                    "min_severity",
                    "times",
                    ("on_holidays", "holidays"),
                    ("active_from", "active_until"),
                    "takes_uncertain",
                )
            },
        ),
        (
            "Then",
            {"fields": ("department", "crew", ("deadline_hours", "deadline_in_working_hours"))},
        ),
    ]

    class Media:
        css: ClassVar = {"all": ["reports/desk.css"]}

    @admin.display(description="rule")
    def sentence(self, rule: RoutingRule) -> str:
        return rules.compiled(rule).sentence() if rule.pk else "-"

    @admin.display(description="state")
    def state(self, rule: RoutingRule) -> str:
        """Return whether the rule applies, and why if it cannot be evaluated."""
        if not rule.pk:
            return "-"
        if faults := rules.compiled(rule).faults:
            text = f"Broken, its reports go to triage: {'; '.join(faults)}"
            return format_html('<strong class="errornote">{}</strong>', text)
        return "active" if rule.is_active else "draft"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Keep the field of times low: it holds a line or two."""
        if db_field.name == "times":
            kwargs["widget"] = forms.Textarea({"rows": 2, "cols": 60})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_urls(self) -> list[Any]:
        trial = path(
            "trial/", self.admin_site.admin_view(self.trial_view), name="reports_routingrule_trial"
        )
        return [trial, *super().get_urls()]

    def trial_view(self, request: HttpRequest) -> HttpResponse:
        """Show which of the last reports would go elsewhere by the present rules."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        form = TrialForm(request.GET or {"last": 1_000})
        trial = None
        if form.is_valid():
            mine: Any = Report.objects.for_staff(cast("User", request.user))
            values = form.cleaned_data
            trial = trying.try_rules(mine, last=values["last"], with_drafts=values["drafts"])
        context = {
            **self.admin_site.each_context(request),
            "title": "What the rules would do",
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "trial": trial,
            "ways": trial.ways.most_common() if trial else [],
            "by_rule": trial.by_rule.most_common() if trial else [],
            "rows_maximum": ROWS_MAXIMUM,
        }
        return TemplateResponse(request, "admin/reports/routingrule/trial.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RoutingRule]:
        return super().get_queryset(request).select_related(*self.list_select_related)
