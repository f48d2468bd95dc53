"""The desk: list, edit and move the reports of one's departments."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.admin.estimating import EstimatingPaginator
from reports.desk import preferences
from reports.desk.beside import BesidePages
from reports.desk.columns import DEFAULT_COLUMNS, ReportColumns, ReportTable, chosen_columns
from reports.desk.contact import ContactOnPage
from reports.desk.exporting import ReportExport
from reports.desk.filters import (
    AssignmentFilter,
    ConfirmationFilter,
    CrewFilter,
    DeadlineFilter,
    PatternFilter,
    PhotoFilter,
    QueueFilter,
    StateFilter,
)
from reports.desk.helping import HelpOnPage
from reports.desk.long_lists import (
    CreatedFilter,
    NamesFilter,
    SearchPaginator,
    SourceFilter,
)
from reports.desk.steps import BULK_ACTIONS, StepPages
from reports.desk.timeline import TimelinePages
from reports.models import (
    Department,
    Report,
    ReportContact,
    ReportQuerySet,
    works_on_reports,
)
from reports.photos.desk import PhotosOnPage
from reports.routing import assignment
from reports.workflow import handing


class ReportForm(forms.ModelForm[Report]):
    """Edits a report; refuses to overwrite a change that was made since the page was opened."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # PostgreSQL sets this time, so a report that is not stored yet has none.
        at: Any = self.instance.updated_at
        self.initial["seen"] = at.isoformat() if isinstance(at, datetime) else ""

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data["seen"] not in ("", self.initial["seen"]):
            raise ValidationError(
                _("Somebody changed this report meanwhile; look at it again first.")
            )


@admin.register(Report)
class ReportAdmin(
    ReportColumns,
    ReportExport,
    TimelinePages,
    PhotosOnPage,
    ContactOnPage,
    HelpOnPage,
    BesidePages,
    StepPages,
):
    """Shows staff the reports of their departments, and a superuser all.

    The status changes only by steps.
    """

    form = ReportForm
    list_display = DEFAULT_COLUMNS
    ordering = ("-created_at", "-id")
    list_filter = (
        PatternFilter,
        QueueFilter,
        AssignmentFilter,
        StateFilter,
        DeadlineFilter,
        CreatedFilter,
        CrewFilter,
        "status",
        ("department", NamesFilter),
        ("category", NamesFilter),
        "severity",
        "category_source",
        "routed_by",
        PhotoFilter,
        ConfirmationFilter,
        "is_live",
        SourceFilter,
    )
    paginator = EstimatingPaginator
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("title", "description", "address", "external_id")
    actions = BULK_ACTIONS
    readonly_fields = (
        "id",
        "reporter",
        "status",
        "is_address_looked_up",
        "map_link",
        "category_source",
        "category_confidence",
        "suggestions",
        "severity_source",
        "severity_rule",
        "routed_by",
        "routing_reason",
        "assigned",
        "waits",
        "repair_due",
        "likely_done",
        "answer_due",
        "responded_at",
        "confirmed_at",
        "deadline_rule",
        "answers_in_words",
        "device_at",
        "accuracy_metres",
        "published_at",
        "is_live",
        "source",
        "external_id",
        "created_at",
        "updated_at",
        "closed_at",
    )
    fieldsets: ClassVar = [
        (
            None,
            {
                "fields": (
                    "title",
                    "description",
                    ("status", "severity", "severity_source", "severity_rule"),
                    "reporter",
                    "seen",
                )
            },
        ),
        (
            _("Place"),
            {
                "fields": (
                    "address",
                    "is_address_looked_up",
                    ("latitude", "longitude", "accuracy_metres"),
                    "map_link",
                )
            },
        ),
        (
            _("Desk"),
            {
                "fields": (
                    ("category", "category_source", "category_confidence"),
                    "suggestions",
                    ("department", "assigned", "waits"),
                    ("routed_by", "routing_reason"),
                    "likely_done",
                    ("repair_due", "answer_due", "responded_at", "deadline_rule"),
                    "answers_in_words",
                )
            },
        ),
        (
            _("Times"),
            {
                "fields": (
                    ("created_at", "device_at", "updated_at"),
                    ("published_at", "closed_at", "confirmed_at"),
                )
            },
        ),
        (
            _("Origin"),
            {"classes": ("collapse",), "fields": ("id", ("source", "external_id"), "is_live")},
        ),
    ]

    class Media:
        css: ClassVar = {"all": ["reports/desk.css"]}
        js: ClassVar = ["reports/conversation.js", "reports/timeline.js"]

    # --- Which reports, and fields --------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        user = cast("User", request.user)
        mine = (
            Report.objects.for_staff(user)
            .with_related()
            .select_related("assignee", "crew", "queue_place")
        )
        return mine.order_by(*self.get_ordering(request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns that the query names, else those that the person chose before."""
        return chosen_columns(request)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ReportTable]:
        return ReportTable

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; without a query, as the person's default view has it."""
        is_plain = request.method == "GET" and not request.GET and self.has_view_permission(request)
        query = preferences.opening(cast("User", request.user)) if is_plain else ""
        if query:
            return HttpResponseRedirect(f"?{query}")
        return super().changelist_view(request, extra_context)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Report | None:
        """Return the report of a page with what the page shows of it, if it is the reader's."""
        related = self.get_queryset(request).select_related(
            "reporter", "department__parent__parent"
        )
        contact = ReportContact.objects.filter(report=OuterRef("pk"))
        rows = related.annotate(has_contact=Exists(contact)).prefetch_related(
            "photos", "answers__question"
        )
        try:
            report: Report = rows.get(pk=object_id)
        except (Report.DoesNotExist, ValidationError):
            return None
        _may_change_in(request)[report.department_id] = True  # as the queryset says
        return report

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Order the queue as its policy says, one's own by deadline, and others newest first."""
        if request.GET.get(QueueFilter.parameter_name) == QueueFilter.ordered:
            return QueueFilter.ordering
        is_own = request.GET.get(AssignmentFilter.parameter_name) == AssignmentFilter.own
        return AssignmentFilter.ordering if is_own else self.ordering

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Report], search_term: str
    ) -> tuple[QuerySet[Report], bool]:
        """Search for words along an index, or for a report's id."""
        if not search_term.strip():
            return queryset, False
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except ValueError:
            return cast("ReportQuerySet", queryset).with_words(search_term), False

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Report], *args: Any, **options: Any
    ) -> EstimatingPaginator:
        pages = SearchPaginator if request.GET.get(SEARCH_VAR, "").strip() else self.paginator
        return pages(queryset, *args, **options)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Require a department from staff of departments.

        Only superusers would find a report without one.
        """
        if db_field.name == "department" and not cast("User", request.user).is_superuser:
            kwargs["required"] = True
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "department" and field is not None:
            field.choices = _departments(request)
        return field

    def page_context(self, request: HttpRequest, row: Report) -> dict[str, Any]:
        context = super().page_context(request, row)
        step_form = context["step_form"]
        # A report is not handed over to those who have it.
        step_form.fields["department"].choices = [
            choice for choice in _departments(request) if choice[0] != row.department_id
        ]
        return context

    # --- Who may ---------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return works_on_reports(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return self._may_change(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return self._may_change(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # A report comes in by its reporter or by an import, with its tasks.

    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False  # It is rejected instead, so that its history stays.

    def _may_change(self, request: HttpRequest, report: Report | None) -> bool:
        if report is None:
            return works_on_reports(request.user)
        user = request.user
        if not isinstance(user, User):
            return False
        known = _may_change_in(request)
        if report.department_id not in known:
            known[report.department_id] = report.may_be_changed_by(user)
        return known[report.department_id]

    # --- Editing ---------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Report, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        assignment.revise(obj, changes, by=cast("User", request.user))

    def response_change(self, request: HttpRequest, obj: Report) -> HttpResponse:
        """Say where the report went, if its editor can no longer see it."""
        left = self._left_behind(request, obj)
        return left or super().response_change(request, obj)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Say whose a report is that this person cannot open, if it exists."""
        try:
            report = Report.objects.with_related().filter(pk=object_id).first()
        except ValidationError:
            report = None
        if report is None:
            return super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc, no-any-return]
        text = gettext(
            "You cannot open this report: it is without a department, and you do not work there."
        )
        if report.department:
            text = gettext(
                "You cannot open this report: it is with %s, and you do not work there."
            ) % (report.department)
        line = handing.handed_over(report.pk, cast("User", request.user))
        text += f" {handing.story(line)}" if line else ""
        self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:index"))


def _may_change_in(request: HttpRequest) -> dict[int | None, bool]:
    """Return in which departments this reader may change reports, as far as it is known.

    Django asks for each button of a page anew.
    """
    known: dict[int | None, bool] = request.__dict__.setdefault("may_change_in", {})
    return known


def _departments(request: HttpRequest) -> list[tuple[Any, str]]:
    """Return all departments as choices, read once for the fields of a page."""
    choices: list[tuple[Any, str]] = request.__dict__.setdefault("departments", [])
    if not choices:
        rows = Department.objects.values_list("pk", "name").order_by("name")
        choices += [("", "---------"), *rows]
    return choices
