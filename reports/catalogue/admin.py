"""The administrators' pages: departments, categories with their questions, severity rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import BaseModelFormSet, Textarea
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.admin.estimating import count_up_to
from jobs.admin.trial import Trial, TrialMixin
from reports.catalogue import deadlines, questions, severity
from reports.models import (
    OPEN_STATUSES,
    Category,
    CategoryGroup,
    Department,
    DepartmentMembership,
    Question,
    Report,
    Severity,
    SeverityRule,
)

#: A trial of a rule reads so many reports, and names so many.
TRIED_MAXIMUM = 1_000
SHOWN_MAXIMUM = 50
COUNT_MAXIMUM = 1_000


class LinesField(SimpleArrayField):
    """A list of texts, one on each line; sentences have commas, at which Django's field splits."""

    widget = Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, delimiter="\n")

    def to_python(self, value: Any) -> Any:
        lines = (
            [line for line in value.splitlines() if line.strip()]
            if isinstance(value, str)
            else value
        )
        return super().to_python(lines)


class LinesMixin:
    """Shows each field named in `lines` as a list with one text on each line."""

    lines: tuple[str, ...] = ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.lines:
            help_text = f"{db_field.help_text} {gettext('One a line.')}"
            return db_field.formfield(form_class=LinesField, help_text=help_text)
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]


class MembershipInline(admin.TabularInline[DepartmentMembership, Department]):
    model = DepartmentMembership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Department)
class DepartmentAdmin(AuditedAdmin[Department]):
    list_display = ("name", "slug", "parent", "email", "is_triage", "open_reports", "members")
    list_select_related = ("parent",)
    search_fields = ("name", "slug")
    autocomplete_fields = ("parent",)
    inlines = (MembershipInline,)
    audited_lists = {"members": "memberships__user"}

    def values_of(self, obj: Department) -> dict[str, Any]:
        managers = obj.memberships.filter(is_manager=True).values_list("user", flat=True)
        return super().values_of(obj) | {"managers": sorted(map(str, managers))}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Department]:
        of_department = {"department": OuterRef("pk")}
        return (
            super()
            .get_queryset(request)
            .annotate(
                open_reports_count=_count(
                    Report.objects.filter(status__in=OPEN_STATUSES, **of_department)
                ),
                members_count=_count(DepartmentMembership.objects.filter(**of_department)),
            )
        )

    @admin.display(ordering="open_reports_count")
    def open_reports(self, department: Any) -> int:
        return int(department.open_reports_count)

    @admin.display(ordering="members_count")
    def members(self, department: Any) -> int:
        return int(department.members_count)


def _count(rows: QuerySet[Any]) -> Coalesce:
    """Return a subquery that counts rows by department.

    Counting two relations by joins would multiply one count by the other.
    """
    counted = rows.order_by().values("department").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)


@admin.register(DepartmentMembership)
class DepartmentMembershipAdmin(AuditedAdmin[DepartmentMembership]):
    list_display = ("user", "department", "created_at")
    list_filter = ("department",)
    list_select_related = ("user", "department")
    search_fields = ("user__name", "department__name")
    autocomplete_fields = ("user", "department")


@admin.register(CategoryGroup)
class CategoryGroupAdmin(AuditedAdmin[CategoryGroup]):
    list_display = ("name", "slug", "icon", "colour", "position")
    search_fields = ("name", "slug")


class QuestionInline(admin.StackedInline[Question, Category]):
    """Shows the current questions; an edited one becomes a new version, see `save_formset`."""

    model = Question
    extra = 0
    fields = ("code", "type", "label", "help", "values", "translations", "is_required", "position")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Question]:
        return super().get_queryset(request).filter(retired_at=None)


@admin.register(Category)
class CategoryAdmin(LinesMixin, TrialMixin[Category], AuditedAdmin[Category]):
    """Categories with their questions, whose wording is in the audit log too."""

    list_display = ("name", "slug", "group", "department", "sla_hours", "is_active", "position")
    list_filter = ("is_active", "group", "department")
    list_select_related = ("department", "group")
    search_fields = ("name", "slug", "description")
    autocomplete_fields = ("department", "group")
    readonly_fields = ("sla_version",)
    lines = ("examples",)
    inlines = (QuestionInline,)

    def values_of(self, obj: Category) -> dict[str, Any]:
        current = obj.questions.filter(retired_at=None).values_list("code", "version", "label")
        questions = [f"{code}, version {version}: {label}" for code, version, label in current]
        return super().values_of(obj) | {"questions": sorted(questions)}

    def trial(self, request: HttpRequest, row: Category) -> Trial:
        """Return the deadlines that these values give a report of now, beside the stored ones."""
        stored = Category.objects.select_related("department").filter(pk=row.pk).first()
        mine = Report.objects.for_staff(cast("User", request.user))
        held = count_up_to(COUNT_MAXIMUM, mine.filter(category=stored, status__in=OPEN_STATUSES))
        sentences = [gettext("The category is new: no report has it yet.")]
        if stored is not None:
            count = f"{held}+" if held >= COUNT_MAXIMUM else str(held)
            text = ngettext(
                "%s open report has it; it keeps the deadline it has.",
                "%s open reports have it; they keep the deadlines they have.",
                held,
            )
            sentences = [text % count]
        return Trial(
            sentences=[*sentences, gettext("A report that comes now would be due:")],
            columns=[
                gettext("Severity"),
                gettext("First answer"),
                gettext("Repair"),
                gettext("Repair so far"),
            ],
            rows=[
                (
                    str(Severity(level).label),
                    *(_moment(at) for at in _due(row, level)),
                    _moment(_due(stored, level)[1]) if stored else "-",
                )
                for level in Severity.values
            ],
        )

    def save_formset(
        self, request: HttpRequest, form: Any, formset: BaseModelFormSet[Any, Any], change: bool
    ) -> None:
        """Add new questions and versions; retire those that were deleted or got another code."""
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        for row in (row for row in formset.forms if row.has_changed()):
            stored = Question.objects.filter(pk=row.instance.pk, retired_at=None).first()
            values = dict(row.cleaned_data)
            is_deleted = bool(values.pop("DELETE", False))
            if stored is not None and (is_deleted or stored.code != values["code"]):
                questions.retire(stored)
                formset.deleted_objects.append(stored)
            if not is_deleted:
                fields = {name: values[name] for name in (*questions.WORDING, "position")}
                question = questions.ask(form.instance, values["code"], fields)
                formset.new_objects.append(question)


def _due(category: Category, level: str) -> tuple[datetime | None, datetime | None]:
    """Return both deadlines of a report that comes now, with this category and severity."""
    report = Report(
        category=category, department=category.department, severity=level, created_at=timezone.now()
    )
    deadlines.adopt_rule(report)
    return report.response_due_at, report.due_at


def _moment(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "DATETIME_FORMAT") if at else "-"


@admin.register(SeverityRule)
class SeverityRuleAdmin(LinesMixin, TrialMixin[SeverityRule], AuditedAdmin[SeverityRule]):
    list_display = ("name", "severity", "words", "is_active")
    list_filter = ("severity", "is_active")
    search_fields = ("name",)
    lines = ("phrases",)

    @admin.display(description=_("phrases"))
    def words(self, rule: SeverityRule) -> str:
        return ", ".join(rule.phrases)

    def trial(self, request: HttpRequest, row: SeverityRule) -> Trial:
        """Return which of the reader's newest reports the rule would raise."""
        mine = Report.objects.for_staff(cast("User", request.user)).order_by("-created_at", "-id")
        newest = list(mine.only("title", "description", "severity")[:TRIED_MAXIMUM])
        texts = ((report, f"{report.title}\n{report.description}") for report in newest)
        hits = [one for one, text in texts if severity.applies(row, text)]
        raised = [hit for hit in hits if Severity.rank(hit.severity) < Severity.rank(row.severity)]
        facts = {"hits": len(hits), "all": len(newest), "raised": len(raised)}
        return Trial(
            sentences=[
                gettext("%(hits)s of the newest %(all)s reports have one of the phrases.") % facts,
                gettext("%(raised)s of them would be raised to %(severity)s.")
                % (facts | {"severity": row.get_severity_display()}),
            ],
            columns=[gettext("Report"), gettext("Severity now")],
            rows=[
                (_link(report), report.get_severity_display()) for report in raised[:SHOWN_MAXIMUM]
            ],
            notes=[gettext("Past reports keep their severity; the rule is for those to come.")],
        )


def _link(report: Report) -> SafeString:
    place = reverse("admin:reports_report_change", args=(report.pk,))
    return format_html('<a href="{}">{}</a>', place, report.title)
