"""The desk's queue of moderation, and the list of blocked words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from reports.errors import ReportsError
from reports.models import (
    MODERATION_NOTE_MAX_CHARACTERS,
    BlockedWord,
    Flag,
    ModerationCase,
    ModerationState,
    WithholdingReason,
    works_on_reports,
)
from reports.moderation import cases, subjects

TEXT_SHOWN_CHARACTERS = 600


class DecisionForm(ActionForm):
    """The reason and the note of a decision, beside the choice of the action."""

    reason = forms.ChoiceField(
        choices=[("", _("Reason of a rejection")), *WithholdingReason.choices], required=False
    )
    note = forms.CharField(
        max_length=MODERATION_NOTE_MAX_CHARACTERS,
        required=False,
        widget=forms.TextInput({"placeholder": _("Note to the author")}),
    )


class StateFilter(admin.SimpleListFilter):
    """Filters cases by their state; without a choice it shows those that wait."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        decided = (ModerationState.APPROVED, ModerationState.REJECTED)
        return [
            *((state.value, state.label.capitalize()) for state in decided),
            ("all", gettext("All")),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name the first choice, which filters nothing elsewhere, after what it shows."""
        first, *others = super().choices(changelist)
        yield {**first, "display": ModerationState.WAITING.label.capitalize()}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ModerationCase]
    ) -> QuerySet[ModerationCase]:
        chosen = self.value() or ModerationState.WAITING
        return queryset if chosen == "all" else queryset.filter(state=chosen)


@admin.register(ModerationCase)
class ModerationCaseAdmin(ReadOnlyAdmin[ModerationCase]):
    """What waits for a decision, with the reasons, for staff of the report's department."""

    list_display = ("since", "kind", "shown_text", "why", "flagged", "outcome")
    list_display_links = None
    list_filter = (StateFilter, "kind", "is_withheld")
    ordering = ("state", "created_at", "id")  # along an index
    list_per_page = 50
    action_form = DecisionForm
    actions = ("approve", "reject", "reconsider_and_approve", "reconsider_and_reject")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModerationCase]:
        """Return the cases about which this member of staff decides."""
        mine = ModerationCase.objects.for_staff(cast("User", request.user))
        return mine.select_related("report", "decided_by").prefetch_related("flags")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Read the texts of the page at once."""
        page = super().get_changelist_instance(request)
        texts = subjects.texts_of(list(page.result_list))
        for case in page.result_list:
            case.shown_text = texts[case.pk]
        return page

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: ModerationCase | None = None) -> bool:
        user = request.user
        if not isinstance(user, User) or not (user.is_active and user.is_staff):
            return False
        return user.has_perm("reports.moderate") or works_on_reports(user)

    class Media:
        css: ClassVar = {"all": ["reports/desk.css"]}

    # --- Columns ---------------------------------------------------------------------------------

    @admin.display(description=_("text"))
    def shown_text(self, case: ModerationCase) -> str:
        text = str(case.shown_text)  # type: ignore[attr-defined]
        url = reverse("admin:reports_report_change", args=[case.report_id])
        return format_html(
            '<a href="{}">{}</a><br>{}',
            url,
            case.report.title,
            text.removeprefix(case.report.title)[:TEXT_SHOWN_CHARACTERS],
        )

    @admin.display(description=_("reasons"))
    def why(self, case: ModerationCase) -> str:
        lines = ((reason["code"].replace("_", " "), reason["detail"]) for reason in case.reasons)
        return format_html_join(mark_safe("<br>"), "<strong>{}</strong>: {}", lines)

    @admin.display(description=_("flags"))
    def flagged(self, case: ModerationCase) -> str:
        lines = ((_words_of(flag),) for flag in case.flags.all())
        return format_html_join(mark_safe("<br>"), "{}", lines) or "-"

    @admin.display(description=_("since"), ordering="created_at")
    def since(self, case: ModerationCase) -> str:
        return date_format(timezone.localtime(case.created_at), "j M H:i")

    @admin.display(description=_("state"))
    def outcome(self, case: ModerationCase) -> str:
        if case.state == ModerationState.WAITING:
            return gettext("waits, hidden") if case.is_withheld else gettext("waits, public")
        reason = f": {case.get_rejection_display()}" if case.rejection else ""
        by = gettext(" by %s") % case.decided_by if case.decided_by else ""
        return f"{case.get_state_display()}{reason}{by}"

    # --- Decisions -------------------------------------------------------------------------------

    @admin.action(description=_("Approve: make it public"))
    def approve(self, request: HttpRequest, queryset: QuerySet[ModerationCase]) -> None:
        self._approve(request, queryset, reconsiders=False)

    @admin.action(description=_("Reject with this reason"))
    def reject(self, request: HttpRequest, queryset: QuerySet[ModerationCase]) -> None:
        self._reject(request, queryset, reconsiders=False)

    @admin.action(description=_("Approve what was decided otherwise"))
    def reconsider_and_approve(
        self, request: HttpRequest, queryset: QuerySet[ModerationCase]
    ) -> None:
        self._approve(request, queryset, reconsiders=True)

    @admin.action(description=_("Reject what was decided otherwise"))
    def reconsider_and_reject(
        self, request: HttpRequest, queryset: QuerySet[ModerationCase]
    ) -> None:
        self._reject(request, queryset, reconsiders=True)

    def _approve(
        self, request: HttpRequest, queryset: QuerySet[ModerationCase], *, reconsiders: bool
    ) -> None:
        by, note = cast("User", request.user), _note(request)
        self._decide(
            request,
            queryset,
            lambda case: cases.approve(case, by=by, note=note, reconsiders=reconsiders),
        )

    def _reject(
        self, request: HttpRequest, queryset: QuerySet[ModerationCase], *, reconsiders: bool
    ) -> None:
        by, note, reason = cast("User", request.user), _note(request), request.POST.get("reason")
        if reason not in WithholdingReason.values:
            return self.message_user(
                request, _("Choose the reason of the rejection."), messages.ERROR
            )
        if reason == WithholdingReason.OTHER and not note:
            return self.message_user(request, _("Say in the note which reason."), messages.ERROR)
        return self._decide(
            request,
            queryset,
            lambda case: cases.reject(
                case, by=by, reason=reason, note=note, reconsiders=reconsiders
            ),
        )

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[ModerationCase],
        decide: Callable[[ModerationCase], None],
    ) -> None:
        """Decide about each selected case; say about which this was not possible, and why."""
        done = 0
        for case in queryset:
            try:
                decide(case)
                done += 1
            except ReportsError as error:
                self.message_user(request, f"{case}: {error}", messages.WARNING)
        if done:
            self.message_user(request, _("Decided about %s.") % done, messages.SUCCESS)


def _words_of(flag: Flag) -> str:
    reason = flag.get_reason_display()
    return f"{reason}: {flag.note}" if flag.note else reason


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "").strip()[:MODERATION_NOTE_MAX_CHARACTERS]


@admin.register(BlockedWord)
class BlockedWordAdmin(AuditedAdmin[BlockedWord]):
    """Words that send a text to moderation."""

    list_display = ("word", "phrase", "language", "is_active")
    list_filter = ("language", "is_active")
    search_fields = ("word", "phrase")
