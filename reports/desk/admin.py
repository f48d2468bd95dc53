"""The desk: list, edit and move the reports of one's departments."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from accounts.models import User
from jobs.admin.estimating import EstimatingPaginator
from jobs.ledger import database
from reports.confirmation.admin import answers_of
from reports.desk.contact import ContactOnPage
from reports.desk.conversation import ConversationPages
from reports.desk.forms import StepForm
from reports.desk.long_lists import CreatedFilter, SourceFilter
from reports.desk.offers import fields_to, offer, reason_label
from reports.errors import ReportsError
from reports.escalation.admin import stages_of
from reports.models import OPEN_STATUSES, Crew, Report, ReportQuerySet, Status, StatusChange
from reports.photos.desk import PhotosOnPage
from reports.routing import assignment
from reports.steps import taking
from reports.steps.taking import Step
from reports.workflow import checking, handing, undoing
from reports.workflow.performing import Inputs
from reports.workflow.roles import roles_in

MAP_URL = "https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map=18/{lat}/{lon}"
BULK_MAXIMUM = 200
SOON = timedelta(hours=24)


class DeadlineFilter(admin.SimpleListFilter):
    """Filters open reports by their deadline: passed, or near."""

    title = "deadline"
    parameter_name = "deadline"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("overdue", "Overdue"),
            ("soon", "Within 24 hours"),
            ("answer", "First answer overdue"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        reports = cast("Any", queryset)
        match self.value():
            case "overdue":
                return cast("QuerySet[Report]", reports.overdue())
            case "soon":
                now = database.now()
                return cast("QuerySet[Report]", reports.overdue(now + SOON).filter(due_at__gte=now))
            case "answer":
                return cast("QuerySet[Report]", reports.answer_overdue())
        return queryset


class AssignmentFilter(admin.SimpleListFilter):
    """Filters reports by who works on them."""

    title = "assignment"
    parameter_name = "assigned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Mine"), ("my-crews", "My crews"), ("nobody", "Nobody yet, open")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        match self.value():
            case "mine":
                return queryset.filter(assignee=cast("User", request.user))
            case "my-crews":
                return queryset.filter(crew__in=Crew.objects.filter(members=request.user))  # type: ignore[misc]
            case "nobody":
                nobodys = queryset.filter(assignee__isnull=True, crew__isnull=True)
                return nobodys.filter(status__in=OPEN_STATUSES)
        return queryset


class HistoryInline(admin.TabularInline[StatusChange, Report]):
    """Shows the report's history, which only the workflow writes."""

    model = StatusChange
    extra = 0
    fields = ("at", "from_status", "to_status", "step", "why", "is_internal", "by", "fields")
    readonly_fields = fields
    can_delete = False
    verbose_name_plural = "history"

    @admin.display(description="note")
    def why(self, change: StatusChange) -> str:
        """Return the note, and the reason where one was chosen."""
        return ": ".join(filter(None, (reason_label(change.reason), change.note))) or "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusChange]:
        return super().get_queryset(request).select_related("by")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


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
            raise ValidationError("Somebody changed this report meanwhile; look at it again first.")


def _bulk_step(status: Status) -> Callable[[Any, HttpRequest, QuerySet[Report]], Any]:
    """Return the admin action that previews a step with the selected reports, and then takes it."""

    @admin.action(description=f"Mark as {status.label}…")
    def move(modeladmin: ReportAdmin, request: HttpRequest, queryset: QuerySet[Report]) -> Any:
        return modeladmin.bulk_step(request, queryset, status)

    move.__name__ = f"mark_{status.value}"
    return move


@admin.register(Report)
class ReportAdmin(PhotosOnPage, ContactOnPage, ConversationPages):
    """Shows staff the reports of their departments, and a superuser all.

    The status changes only by steps.
    """

    form = ReportForm
    list_display = (
        "title",
        "status",
        "severity",
        "kind",
        "department",
        "assigned",
        "created",
        "due",
        "is_public",
        "map_link",
    )
    ordering = ("-created_at", "-id")
    list_filter = (
        AssignmentFilter,
        DeadlineFilter,
        CreatedFilter,
        "status",
        "department",
        "category",
        "severity",
        "category_source",
        "routed_by",
        "is_live",
        SourceFilter,
    )
    paginator = EstimatingPaginator
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("title", "description", "address", "external_id")
    actions = [_bulk_step(status) for status in Status if status != Status.NEW]
    inlines = (HistoryInline,)
    readonly_fields = (
        "id",
        "reporter",
        "status",
        "is_address_looked_up",
        "map_link",
        "category_source",
        "category_confidence",
        "suggestions",
        "corrections",
        "severity_source",
        "severity_rule",
        "routed_by",
        "routing_reason",
        "escalations",
        "confirmations",
        "assigned",
        "waits",
        "repair_due",
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
                    "corrections",
                    "seen",
                )
            },
        ),
        (
            "Place",
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
            "Desk",
            {
                "fields": (
                    ("category", "category_source", "category_confidence"),
                    "suggestions",
                    ("department", "assigned", "waits"),
                    ("routed_by", "routing_reason"),
                    ("repair_due", "answer_due", "responded_at", "deadline_rule"),
                    "answers_in_words",
                    "escalations",
                    "confirmations",
                )
            },
        ),
        (
            "Times",
            {
                "fields": (
                    ("created_at", "device_at", "updated_at"),
                    ("published_at", "closed_at", "confirmed_at"),
                )
            },
        ),
        (
            "Origin",
            {"classes": ("collapse",), "fields": ("id", ("source", "external_id"), "is_live")},
        ),
    ]

    class Media:
        css: ClassVar = {"all": ["reports/desk.css"]}
        js: ClassVar = ["reports/conversation.js"]

    # --- What the list and the page show ---------------------------------------------------------

    @admin.display(description=mark_safe('<input type="checkbox" id="action-toggle">'))
    def action_checkbox(self, obj: Report) -> SafeString:
        """Return the box by which a report is selected, as Django's, whose widget is slow."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select"'
            ' aria-label="Select this object for an action - {}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            obj,
        )

    @admin.display(description="category", ordering="category__name")
    def kind(self, report: Report) -> str:
        """Return the category, with its confidence where the classifier chose it."""
        confidence = report.category_confidence
        sure = "" if confidence is None else f" ({confidence:.0%})"
        return f"{report.category}{sure}" if report.category else "-"

    @admin.display(description="created", ordering="created_at")
    def created(self, report: Report) -> str:
        return _short(report.created_at)

    @admin.display(description="due", ordering="due_at")
    def due(self, report: Report) -> str:
        """Return both deadlines, that of the first answer while it was not given."""
        lines = [("", self.repair_due(report))]
        if (
            report.response_due_at
            and report.responded_at is None
            and report.status in OPEN_STATUSES
        ):
            lines.append(("answer ", self.answer_due(report)))
        return format_html_join(mark_safe("<br>"), "{}{}", lines)

    @admin.display(description="due at")
    def repair_due(self, report: Report) -> str:
        return _deadline(report.due_at, is_over=report.is_overdue)

    @admin.display(description="first answer due at")
    def answer_due(self, report: Report) -> str:
        return _deadline(report.response_due_at, is_over=report.is_answer_overdue)

    @admin.display(description="assigned")
    def assigned(self, report: Report) -> str:
        """Return the person or the crew that works on it."""
        if report.assignee is not None:
            return report.assignee.name or str(report.assignee)
        return str(report.crew or "-")

    @admin.display(description="waits")
    def waits(self, report: Report) -> str:
        if report.waiting_until is None:
            return "-"
        return f"for {report.get_waiting_for_display()}, until {_short(report.waiting_until)}"

    @admin.display(description="deadline's rule")
    def deadline_rule(self, report: Report) -> str:
        """Return the rule that applied when the report got its deadline."""
        if report.sla_hours is None:
            return "-"
        kind = "working hours" if report.sla_in_working_hours else "hours"
        if report.sla_is_exact:
            return f"{report.sla_hours} {kind} by the rule of routing"
        version = f", version {report.sla_version}" if report.sla_version else ""
        return f"{report.sla_hours} {kind} at medium severity{version}"

    @admin.display(description="classifier's suggestions")
    def suggestions(self, report: Report) -> str:
        """Return the first three categories with their confidence, and what each one rests on."""
        lines = [
            (f"{one['category']} ({one['confidence']:.0%})", _reasons(one["reasons"]))
            for one in report.category_suggestions
        ]
        return format_html_join(mark_safe("<br>"), "<strong>{}</strong>{}", lines) or "-"

    @admin.display(description="corrected by the reporter")
    def corrections(self, report: Report) -> str:
        """Return each field that the reporter corrected, before and after that."""
        lines = [
            (_short(one.at), name, before, one.after.get(name))
            for one in report.corrections.all()
            for name, before in sorted(one.before.items())
        ]
        shown = format_html_join(mark_safe("<br>"), "{} <strong>{}</strong>: {} → {}", lines)
        return shown or "-"

    @admin.display(description="answers")
    def answers_in_words(self, report: Report) -> str:
        """Return the answers to the questions of the category, each in the version asked."""
        answers = report.answers.select_related("question")
        lines = [(one.question.label, one.in_words) for one in answers]
        return format_html_join(mark_safe("<br>"), "{} <strong>{}</strong>", lines) or "-"

    @admin.display(description="escalations")
    def escalations(self, report: Report) -> str:
        return stages_of(report)

    @admin.display(description="answers about the repair")
    def confirmations(self, report: Report) -> str:
        return answers_of(report)

    @admin.display(description="public", boolean=True)
    def is_public(self, report: Report) -> bool:
        return report.published_at is not None

    @admin.display(description="map")
    def map_link(self, report: Report) -> str:
        url = MAP_URL.format(lat=report.latitude, lon=report.longitude)
        return format_html('<a href="{}" target="_blank" rel="noopener noreferrer">map</a>', url)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        user = cast("User", request.user)
        mine = Report.objects.for_staff(user).with_related().select_related("assignee", "crew")
        return mine.order_by(*self.get_ordering(request))

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

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Require a department from staff of departments.

        Only superusers would find a report without one.
        """
        if db_field.name == "department" and not cast("User", request.user).is_superuser:
            kwargs["required"] = True
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # --- Who may ---------------------------------------------------------------------------------

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

    # --- Editing ---------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Report, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        assignment.revise(obj, changes, by=cast("User", request.user))

    def response_change(self, request: HttpRequest, obj: Report) -> HttpResponse:
        """Say where the report went, if its editor can no longer see it."""
        left = self._left_behind(request, obj)
        return left or super().response_change(request, obj)

    def _left_behind(self, request: HttpRequest, report: Report) -> HttpResponse | None:
        """Return a redirect to the list if the report went to another department, else None."""
        now = Report.objects.with_related().get(pk=report.pk)
        if now.may_be_changed_by(cast("User", request.user)):
            return None
        text = f"Saved. “{now}” ({now.category or 'no category'}) is with {now.department} now."
        self.message_user(request, f"{text} Only that department works on it.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:reports_report_changelist"))

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
        whose = f"with {report.department}" if report.department else "without a department"
        text = f"You cannot open this report: it is {whose}, and you do not work there."
        line = handing.handed_over(report.pk, cast("User", request.user))
        text += f" {handing.story(line)}" if line else ""
        self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:index"))

    # --- Steps -----------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        def post(name: str, view: Any) -> Any:
            guarded = self.admin_site.admin_view(require_POST(view))
            return path(f"<path:object_id>/{name}/", guarded, name=f"reports_report_{name}")

        return [post("step", self.step_view), post("undo", self.undo_view), *super().get_urls()]

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Report | None = None,
    ) -> Any:
        if obj is not None:
            user = cast("User", request.user)
            roles = roles_in(obj, user)
            form = StepForm(initial={"is_publishing": True}, reports=[obj], auto_id=False)
            context |= {
                "steps": [offer(row, obj, form) for row in checking.available(obj, roles)],
                "step_form": form,
                "undoable": undoing.undoable(obj, by=user, roles=roles),
                "seen": obj.updated_at.isoformat(),
                "conversation": self.conversation(obj),
                "is_guess": obj.status == Status.NEW and not assignment.is_certain(obj),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def step_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a step with one report, from its page."""
        report = self._report(request, object_id)
        form = StepForm(request.POST, reports=[report])
        if form.is_valid() and not (form.cleaned_data["to"] or form.cleaned_data["step"]):
            form.add_error(None, "Choose one of the steps.")
        if form.is_valid():
            step = self._step(request, form)
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

    def bulk_step(self, request: HttpRequest, queryset: QuerySet[Report], status: Status) -> Any:
        """Preview a step with each selected report; take it once that is confirmed."""
        reports = list(queryset[: BULK_MAXIMUM + 1])
        if len(reports) > BULK_MAXIMUM:
            text = f"Select {BULK_MAXIMUM} reports at most."
            return self.message_user(request, text, messages.ERROR)
        is_confirmed = "confirmed" in request.POST
        form = StepForm(request.POST if "previewed" in request.POST else None, reports=reports)
        step = self._step(request, form, to=status)
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

    def _step(self, request: HttpRequest, form: StepForm, *, to: str = "") -> Step:
        """Return the step that a form describes; `to` is the status of a step with many."""
        sent = form.cleaned_data if form.is_valid() else {}
        names = [field.name for field in dataclasses.fields(Inputs) if field.name in sent]
        inputs = Inputs(**{name: sent[name] for name in names if sent[name] is not None})
        options = {name: sent[name] for name in ("is_publishing", "accepts_guess") if name in sent}
        return Step(
            to=to or sent.get("to", ""),
            name=sent.get("step", ""),
            by=cast("User", request.user),
            inputs=inputs,
            original=sent.get("original"),
            **options,
        )

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


def _reasons(reasons: list[dict[str, Any]]) -> str:
    """Return the phrases and the links to earlier reports that a suggestion rests on."""
    near = [
        format_html('<a href="{}">an earlier report</a>', _page_of(reason["report_id"]))
        if reason["report_id"]
        else f"“{reason['phrase']}”"
        for reason in reasons
    ]
    return (
        format_html(": near {}", format_html_join(", ", "{}", [(one,) for one in near]))
        if near
        else ""
    )


def _page_of(report_id: str) -> str:
    return reverse("admin:reports_report_change", args=[report_id])


def _deadline(at: datetime | None, *, is_over: bool) -> str:
    if at is None:
        return "-"
    if not is_over:
        return _short(at)
    return format_html('<strong class="overdue">{} overdue</strong>', _short(at))


def _short(moment: datetime) -> str:
    """Return a time in a form that fits a narrow column."""
    local = timezone.localtime(moment)
    is_this_year = local.year == timezone.localtime().year
    return date_format(local, "j M H:i" if is_this_year else "j M Y")
