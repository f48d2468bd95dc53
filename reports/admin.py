"""The desk: reports with their steps for staff, categories and departments for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import CharField, HiddenInput, ModelForm, Textarea
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from reports.errors import StatusChangedMeanwhile, TransitionNotAllowed
from reports.models import (
    OPEN_STATUSES,
    Category,
    Department,
    DepartmentMembership,
    Report,
    Status,
    StatusChange,
)
from reports.routing import assignment
from reports.workflow import transitions

MAP_URL = "https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=18/{lat}/{lon}"


class MembershipInline(admin.TabularInline[DepartmentMembership, Department]):
    model = DepartmentMembership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Department)
class DepartmentAdmin(AuditedAdmin[Department]):
    list_display = ("name", "slug", "email", "is_triage", "open_reports", "members")
    search_fields = ("name", "slug")
    inlines = (MembershipInline,)
    audited_lists = {"members": "memberships__user"}

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
    """As a subquery: counting two relations by joins multiplies the one with the other."""
    counted = rows.order_by().values("department").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)


@admin.register(DepartmentMembership)
class DepartmentMembershipAdmin(AuditedAdmin[DepartmentMembership]):
    list_display = ("user", "department", "created_at")
    list_filter = ("department",)
    list_select_related = ("user", "department")
    search_fields = ("user__name", "department__name")
    autocomplete_fields = ("user", "department")


class LinesField(SimpleArrayField):
    """A list of texts, one a line: sentences have commas, by which Django would take them apart."""

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


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin[Category]):
    list_display = ("name", "slug", "group", "department", "sla_hours", "is_active", "position")
    list_filter = ("is_active", "group", "department")
    list_select_related = ("department",)
    search_fields = ("name", "slug", "description")
    autocomplete_fields = ("department",)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "examples":
            return db_field.formfield(
                form_class=LinesField, help_text=f"{db_field.help_text} One a line."
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class HistoryInline(admin.TabularInline[StatusChange, Report]):
    """The report's history, to be read only: every line of it was written by the workflow."""

    model = StatusChange
    extra = 0
    fields = ("at", "from_status", "to_status", "note", "by")
    readonly_fields = fields
    can_delete = False
    verbose_name_plural = "history"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusChange]:
        return super().get_queryset(request).select_related("by")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class ReportForm(ModelForm[Report]):
    """Remembers which state of the report it shows, and is not saved over a later one."""

    seen = CharField(widget=HiddenInput, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["seen"] = self.instance.updated_at.isoformat()

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data["seen"] not in ("", self.initial["seen"]):
            raise ValidationError("Somebody changed this report meanwhile; look at it again first.")


def _step(status: Status) -> Callable[[Any, HttpRequest, QuerySet[Report]], None]:
    """An admin action that moves the selected reports to one status."""

    @admin.action(description=f"Mark as {status.label}")
    def move(modeladmin: ReportAdmin, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        modeladmin.move(request, queryset, status)

    move.__name__ = f"mark_{status.value}"
    return move


@admin.register(Report)
class ReportAdmin(admin.ModelAdmin[Report]):
    """Staff sees and changes the reports of their departments; a superuser all.

    Status moves by actions alone.
    """

    form = ReportForm
    list_display = (
        "title",
        "status",
        "severity",
        "kind",
        "department",
        "created_at",
        "due_at",
        "is_public",
        "map_link",
    )
    ordering = ("-created_at", "-id")
    list_filter = (
        "status",
        "department",
        "category",
        "severity",
        "category_source",
        "is_live",
        "source",
    )
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("title", "description", "address", "external_id")
    date_hierarchy = "created_at"
    actions = [_step(status) for status in Status if status != Status.NEW]
    inlines = (HistoryInline,)
    readonly_fields = (
        "id",
        "reporter",
        "status",
        "map_link",
        "category_source",
        "category_confidence",
        "due_at",
        "published_at",
        "is_live",
        "source",
        "external_id",
        "created_at",
        "updated_at",
        "closed_at",
    )
    fieldsets: ClassVar = [
        (None, {"fields": ("title", "description", ("status", "severity"), "reporter", "seen")}),
        ("Place", {"fields": ("address", ("latitude", "longitude"), "map_link")}),
        (
            "Desk",
            {
                "fields": (
                    ("category", "category_source", "category_confidence"),
                    ("department", "due_at"),
                )
            },
        ),
        ("Times", {"fields": (("created_at", "updated_at"), ("published_at", "closed_at"))}),
        (
            "Origin",
            {"classes": ("collapse",), "fields": ("id", ("source", "external_id"), "is_live")},
        ),
    ]

    @admin.display(description="category", ordering="category__name")
    def kind(self, report: Report) -> str:
        """The category, with its confidence where the classifier chose it."""
        sure = "" if report.category_confidence is None else f" ({report.category_confidence:.0%})"
        return f"{report.category}{sure}" if report.category else "-"

    @admin.display(description="public", boolean=True)
    def is_public(self, report: Report) -> bool:
        return report.published_at is not None

    @admin.display(description="map")
    def map_link(self, report: Report) -> str:
        url = MAP_URL.format(lat=report.latitude, lon=report.longitude)
        return format_html('<a href="{}" target="_blank" rel="noopener noreferrer">map</a>', url)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        user = cast("User", request.user)
        return Report.objects.for_staff(user).with_related().order_by(*self.get_ordering(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Who sees the reports of departments alone leaves none without, where only superusers
        would find it.
        """
        if db_field.name == "department" and not cast("User", request.user).is_superuser:
            kwargs["required"] = True
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._works_here(request)

    def has_view_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return self._may_change(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return self._may_change(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # A report comes in by its reporter or by an import, with its tasks.

    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False  # It is rejected instead, so that its history stays.

    def _works_here(self, request: HttpRequest) -> bool:
        user = request.user
        if not isinstance(user, User) or not (user.is_active and user.is_staff):
            return False
        return user.is_superuser or user.department_memberships.exists()

    def _may_change(self, request: HttpRequest, report: Report | None) -> bool:
        if report is None:
            return self._works_here(request)
        return isinstance(request.user, User) and report.may_be_changed_by(request.user)

    def save_model(self, request: HttpRequest, obj: Report, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        assignment.revise(obj, changes, by=cast("User", request.user))

    def move(self, request: HttpRequest, queryset: QuerySet[Report], status: Status) -> None:
        """Take one step with each selected report; those that cannot take it are named."""
        user, moved = cast("User", request.user), 0
        for report in queryset:
            try:
                transitions.change_status(report, to=status, by=user)
                moved += 1
            except (TransitionNotAllowed, StatusChangedMeanwhile) as error:
                self.message_user(request, f"{report}: {error}", messages.WARNING)
        if moved:
            self.message_user(request, f"{moved} marked as {status.label}.", messages.SUCCESS)


@admin.register(StatusChange)
class StatusChangeAdmin(ReadOnlyAdmin[StatusChange]):
    list_display = ("at", "report", "from_status", "to_status", "note", "by")
    list_filter = ("to_status",)
    list_select_related = ("report", "by")
    search_fields = ("report__title", "note")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusChange]:
        """The history of the reports that this member of staff works on."""
        mine = Report.objects.for_staff(cast("User", request.user))
        return super().get_queryset(request).filter(report__in=mine)
