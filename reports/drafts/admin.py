"""The desk's list of drafts of reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from reports.drafts import deciding
from reports.errors import ReportsError
from reports.models import DraftReport, works_on_reports


@admin.register(DraftReport)
class DraftReportAdmin(ReadOnlyAdmin[DraftReport]):
    """Drafts with what the posts say, for all staff of departments."""

    list_display = ("title", "place", "said", "category", "state", "report_link", "created_at")
    list_display_links = None
    list_filter = ("state",)
    list_select_related = ("category", "report")
    ordering = ("-pk",)
    list_per_page = 25
    actions = ("accept", "dismiss")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DraftReport]:
        rows = super().get_queryset(request).prefetch_related("posts__source")
        return rows.annotate(post_count=Count("posts"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: DraftReport | None = None) -> bool:
        return works_on_reports(request.user)

    @admin.display(description=_("place"))
    def place(self, draft: DraftReport) -> str:
        map_url = (
            f"https://www.openstreetmap.org/?mlat={draft.latitude}&mlon={draft.longitude}#map=18/"
            f"{draft.latitude}/{draft.longitude}"
        )
        name = draft.place_name or f"{draft.latitude:.5f}, {draft.longitude:.5f}"
        link = format_html('<a href="{}" rel="noreferrer">{}</a>', map_url, name)
        return format_html("{}<br>{}", link, draft.get_precision_display())

    @admin.display(description=_("what the posts say"))
    def said(self, draft: DraftReport) -> str:
        posts = list(draft.posts.all())
        lines = ((post.source.name, str(post.text or post.title)[:300]) for post in posts[:5])
        shown = format_html_join("", "<p><strong>{}</strong>: {}</p>", lines)
        if len(posts) <= 5:
            return shown
        return format_html("{}<p>{}</p>", shown, gettext("%s in all") % len(posts))

    @admin.display(description=_("report"))
    def report_link(self, draft: DraftReport) -> str:
        if draft.report is None:
            return "-"
        url = reverse("admin:reports_report_change", args=[draft.report.pk])
        return format_html('<a href="{}">{}</a>', url, draft.report)

    @admin.action(description=_("Accept: make reports of them"))
    def accept(self, request: HttpRequest, queryset: QuerySet[DraftReport]) -> None:
        self._decide(request, queryset, deciding.accept)

    @admin.action(description=_("Dismiss: do not offer them again"))
    def dismiss(self, request: HttpRequest, queryset: QuerySet[DraftReport]) -> None:
        self._decide(request, queryset, deciding.dismiss)

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[DraftReport],
        decide: Callable[..., Any],
    ) -> None:
        """Decide about each selected draft; say of which this was not possible, and why."""
        done = 0
        for draft in DraftReport.objects.filter(pk__in=queryset.values("pk")):
            try:
                decide(draft, by=cast("User", request.user))
                done += 1
            except ReportsError as error:
                self.message_user(request, f"{draft}: {error}", messages.WARNING)
        if done:
            self.message_user(request, _("Done with %s.") % done, messages.SUCCESS)
