"""The administrators' pages of routing: its rules, their order, and their trial on past reports."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from reports.errors import RulesChanged
from reports.models import Report, RoutingRule
from reports.routing import ordering, rules, trying
from reports.routing.trying import REPORTS_MAXIMUM, ROWS_MAXIMUM


class TrialForm(forms.Form):
    """The options of a trial."""

    last = forms.IntegerField(
        label=_("Newest reports"), min_value=1, max_value=REPORTS_MAXIMUM, initial=1_000
    )
    drafts = forms.BooleanField(label=_("Also rules that are switched off"), required=False)


class OrderForm(forms.Form):
    """The ids of all rules in an order, and perhaps one that moves a place up or down from there.

    Scripts send the new order; a browser without them sends the present one and the move.
    """

    rule = forms.TypedMultipleChoiceField(coerce=int)
    move = forms.RegexField(r"^(up|down):[0-9]{1,18}\Z", required=False)
    seen = forms.CharField(max_length=64)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        ids = cast("QueryDict", self.data).getlist("rule")
        field = cast("forms.TypedMultipleChoiceField", self.fields["rule"])
        field.choices = [(rule_id, rule_id) for rule_id in ids if rule_id.isdecimal()]

    def clean(self) -> dict[str, Any]:
        sent = super().clean() or self.cleaned_data
        moving = sent.get("move", "").rpartition(":")[2]
        if moving and int(moving) not in sent.get("rule", ()):
            raise forms.ValidationError(_("There is no such rule."))
        return sent

    def order(self) -> list[int]:
        """Return the ids in their new order, once the form is valid."""
        ids: list[int] = self.cleaned_data["rule"]
        way, _colon, moving = self.cleaned_data["move"].partition(":")
        return ordering.moved(ids, int(moving), by=-1 if way == "up" else 1) if moving else ids


@admin.register(RoutingRule)
class RoutingRuleAdmin(AuditedAdmin[RoutingRule]):
    """Rules as sentences, in the order in which they are tried."""

    list_display = ("name", "position", "sentence", "state")
    list_filter = ("is_active", "department")
    list_select_related = rules.NAMED
    search_fields = ("name", "category__name", "area__name", "department__name")
    autocomplete_fields = ("category", "group", "area", "department", "crew")
    readonly_fields = ("sentence", "state")
    ordering = ("position", "id")
    fieldsets: ClassVar = [
        (None, {"fields": ("name", "position", "is_active", "sentence", "state")}),
        (
            _("If all of these hold"),
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
            _("Then"),
            {"fields": ("department", "crew", ("deadline_hours", "deadline_in_working_hours"))},
        ),
    ]

    class Media:
        css: ClassVar = {"all": ["reports/desk.css"]}

    @admin.display(description=_("rule"))
    def sentence(self, rule: RoutingRule) -> str:
        return rules.compiled(rule).sentence() if rule.pk else "-"

    @admin.display(description=_("state"))
    def state(self, rule: RoutingRule) -> str:
        """Return whether the rule applies, and why if it cannot be evaluated."""
        if not rule.pk:
            return "-"
        if faults := rules.compiled(rule).faults:
            text = gettext("Broken, its reports go to triage: %s") % "; ".join(faults)
            return format_html('<strong class="errornote">{}</strong>', text)
        return gettext("active") if rule.is_active else gettext("draft")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Keep the field of times low: it holds a line or two."""
        if db_field.name == "times":
            kwargs["widget"] = forms.Textarea({"rows": 2, "cols": 60})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_urls(self) -> list[Any]:
        views = {"trial": self.trial_view, "order": self.order_view}
        return [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"reports_routingrule_{name}")
            for name, view in views.items()
        ] + super().get_urls()

    def order_view(self, request: HttpRequest) -> HttpResponse:
        """Show all rules in their order, and change it: by dragging, or one place up or down."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            self._reorder(request)
            return HttpResponseRedirect(reverse("admin:reports_routingrule_order"))
        seen = ordering.fingerprint()  # first: a change that comes between is noticed then
        rows = self.get_queryset(request).order_by(*ordering.ORDER)
        shown = [
            {"rule": rule, "sentence": self.sentence(rule), "state": self.state(rule)}
            for rule in rows
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Order of the rules"),
            "opts": self.opts,
            "media": self.media,
            "rules": shown,
            "seen": seen,
        }
        return TemplateResponse(request, "admin/reports/routingrule/order.html", context)

    def _reorder(self, request: HttpRequest) -> None:
        form = OrderForm(request.POST)
        if not form.is_valid():
            self.message_user(request, _("Send the rules in their new order."), messages.ERROR)
            return
        try:
            has_changed = ordering.reorder(
                form.order(), seen=form.cleaned_data["seen"], by=cast("User", request.user)
            )
        except RulesChanged as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        text = _("It is the same order.")
        if has_changed:
            text = _("The rules are tried in this order now.")
        self.message_user(request, text, messages.SUCCESS)

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
            "title": _("What the rules would do"),
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
