"""The administrators' page of the rules of escalation, and the stages that a report has reached."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from accounts.audited_admin import AuditedAdmin
from reports.catalogue.admin import LinesMixin
from reports.models import EscalationRule, Report


@admin.register(EscalationRule)
class EscalationRuleAdmin(LinesMixin, AuditedAdmin[EscalationRule]):
    """Rules of escalation, with their stage and recipients in words."""

    list_display = ("name", "stage", "reports", "recipients", "is_active")
    list_filter = ("is_active", "deadline", "department")
    list_select_related = ("category", "department")
    search_fields = ("name",)
    autocomplete_fields = ("category", "department")
    readonly_fields = ("since",)
    lines = ("addresses",)
    fieldsets: ClassVar = [
        (None, {"fields": ("name", "is_active", "since")}),
        ("When", {"fields": (("hours", "side", "deadline"), "category", "department")}),
        (
            "Who is informed",
            {"fields": ("to_department", "to_assignee", "to_managers", "addresses")},
        ),
    ]

    @admin.display(description="reports")
    def reports(self, rule: EscalationRule) -> str:
        of = [f"category {rule.category}"] if rule.category else []
        of += [f"department {rule.department}"] if rule.department else []
        return ", ".join(of) or "all"

    @admin.display(description="who is informed")
    def recipients(self, rule: EscalationRule) -> str:
        groups = [
            (rule.to_department, "department"),
            (rule.to_assignee, "assignee"),
            (rule.to_managers, "managers"),
        ]
        return ", ".join([*(name for is_on, name in groups if is_on), *rule.addresses])


def stages_of(report: Report) -> str:
    """Return the stages that a report has reached, one on each line, with who was informed."""
    lines = (
        (_at(one.at), one.stage, ", ".join(one.recipients) or "nobody")
        for one in report.escalations.all()
    )
    return format_html_join(mark_safe("<br>"), "{}: {} (informed: {})", lines) or "-"


def _at(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "j M Y H:i")
