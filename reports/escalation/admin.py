"""The administrators' page of the rules of escalation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, cast

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.admin.adding import AddingMixin
from jobs.admin.trial import Trial, TrialMixin
from reports.catalogue.admin import LinesMixin
from reports.escalation import stages as stages_module
from reports.models import EscalationRule, Report

#: A trial looks so far ahead, and names so many reports.
AHEAD = timedelta(days=1)
TRIED_MAXIMUM = 200


@admin.register(EscalationRule)
class EscalationRuleAdmin(
    LinesMixin,
    AddingMixin[EscalationRule],
    TrialMixin[EscalationRule],
    AuditedAdmin[EscalationRule],
):
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
        (_("When"), {"fields": (("hours", "side", "deadline"), "category", "department")}),
        (
            _("Who is informed"),
            {"fields": ("to_department", "to_assignee", "to_managers", "addresses")},
        ),
    ]

    @admin.display(description=_("reports"))
    def reports(self, rule: EscalationRule) -> str:
        of = [f"category {rule.category}"] if rule.category else []
        of += [f"department {rule.department}"] if rule.department else []
        return ", ".join(of) or "all"

    @admin.display(description=_("who is informed"))
    def recipients(self, rule: EscalationRule) -> str:
        groups = [
            (rule.to_department, "department"),
            (rule.to_assignee, "assignee"),
            (rule.to_managers, "managers"),
        ]
        return ", ".join([*(name for is_on, name in groups if is_on), *rule.addresses])

    def trial(self, request: HttpRequest, row: EscalationRule) -> Trial:
        """Return which of the reader's open reports the rule concerns now and within a day."""
        stages = stages_module.try_rule(row, ahead=AHEAD, limit=TRIED_MAXIMUM)
        mine = Report.objects.for_staff(cast("User", request.user)).select_related("department")
        reports = mine.only("title", "department__name").in_bulk(
            [stage.report_id for stage in stages]
        )
        shown = [
            (reports[stage.report_id], stage) for stage in stages if stage.report_id in reports
        ]
        to_come = sum(stage.is_to_come for _report, stage in shown)
        return Trial(
            sentences=[
                gettext("Stage: %(stage)s. Informed: %(recipients)s.")
                % {"stage": row.stage(), "recipients": self.recipients(row) or gettext("nobody")},
                gettext("Past it now: %(past)s. Reaching it within a day: %(to_come)s.")
                % {"past": len(shown) - to_come, "to_come": to_come},
                gettext("A new rule leaves alone those that are past it already."),
            ],
            columns=[gettext("Report"), gettext("Department"), gettext("Reaches it")],
            rows=[
                (_link(report), str(report.department or "-"), _at(stage.at))
                for report, stage in shown
            ],
            notes=[gettext("The latest %s are looked at.") % TRIED_MAXIMUM]
            if len(stages) == TRIED_MAXIMUM
            else [],
        )


def _link(report: Report) -> SafeString:
    place = reverse("admin:reports_report_change", args=(report.pk,))
    return format_html('<a href="{}">{}</a>', place, report.title)


def _at(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
