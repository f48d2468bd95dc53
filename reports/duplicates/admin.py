"""The desk's list of what may be the same problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from reports.duplicates import merging
from reports.errors import ReportsError
from reports.models import DuplicatePair, Report, works_on_reports


@admin.register(DuplicatePair)
class DuplicatePairAdmin(ReadOnlyAdmin[DuplicatePair]):
    """Suggestions with their reasons, for staff of the department of either report."""

    list_display = ("probability", "earlier_link", "later_link", "why", "state", "created_at")
    list_display_links = None
    list_filter = ("state",)
    list_select_related = ("earlier", "later")
    ordering = ("-pk",)
    list_per_page = 50
    actions = ("merge", "refuse", "undo")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DuplicatePair]:
        """Return the pairs of which this member of staff works on one, and may read the other."""
        return DuplicatePair.objects.for_staff(cast("User", request.user)).order_by(*self.ordering)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: DuplicatePair | None = None) -> bool:
        return works_on_reports(request.user)

    @admin.display(description=_("earlier report"))
    def earlier_link(self, pair: DuplicatePair) -> str:
        return _link(pair.earlier)

    @admin.display(description=_("later report"))
    def later_link(self, pair: DuplicatePair) -> str:
        return _link(pair.later)

    @admin.display(description=_("reasons"))
    def why(self, pair: DuplicatePair) -> str:
        return format_html_join("", "{}<br>", ((reason,) for reason in pair.reasons))

    @admin.action(description=_("Merge the later report into the earlier one"))
    def merge(self, request: HttpRequest, queryset: QuerySet[DuplicatePair]) -> None:
        self._decide(request, queryset, _merge_later)

    @admin.action(description=_("They are not the same"))
    def refuse(self, request: HttpRequest, queryset: QuerySet[DuplicatePair]) -> None:
        self._decide(request, queryset, _refuse)

    @admin.action(description=_("Undo what was decided"))
    def undo(self, request: HttpRequest, queryset: QuerySet[DuplicatePair]) -> None:
        self._decide(request, queryset, _undo)

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[DuplicatePair],
        decide: Callable[[DuplicatePair, User], Any],
    ) -> None:
        """Decide about each selected pair; say of which this was not possible, and why."""
        user, done = cast("User", request.user), 0
        for pair in queryset.select_related("earlier", "later"):
            try:
                _require_staff_of(pair.later, user)
                decide(pair, user)
                done += 1
            except ReportsError as error:
                self.message_user(request, f"{pair}: {error}", messages.WARNING)
        if done:
            self.message_user(request, _("Done with %s.") % done, messages.SUCCESS)


class OtherDepartment(ReportsError):
    """Only staff of the later report's department may decide."""


def _require_staff_of(report: Report, user: User) -> None:
    if not report.may_be_changed_by(user):
        raise OtherDepartment


def _merge_later(pair: DuplicatePair, user: User) -> None:
    merging.merge(pair.later, into=pair.earlier, by=user)


def _refuse(pair: DuplicatePair, user: User) -> None:
    merging.refuse(pair.later, pair.earlier, by=user)


def _undo(pair: DuplicatePair, user: User) -> None:
    merging.undo(pair.later, pair.earlier, by=user)


def _link(report: Report) -> str:
    url = reverse("admin:reports_report_change", args=[report.pk])
    return format_html('<a href="{}">{}</a> ({})', url, report, report.get_status_display())
