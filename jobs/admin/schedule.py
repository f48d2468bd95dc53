"""The schedule in the admin: when each entry ran and runs next, with a button that runs it now."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs.admin.read_only import DeclaredFilter, ReadOnlyAdmin
from jobs.errors import EntryUnknown, RunRefused
from jobs.models import ScheduleTick
from jobs.operations import display
from jobs.worker import schedule, schedule_runs

RUN = "jobs.change_scheduletick"


class EntryFilter(DeclaredFilter):
    title = _("entry")
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(entry.name, entry.name) for entry in schedule.entries()]


@admin.register(ScheduleTick)
class ScheduleTickAdmin(ReadOnlyAdmin[ScheduleTick]):
    """Shows the schedule, and below it the latest ticks."""

    list_display = ("name", "due", "task")
    list_display_links = None
    list_per_page = 25
    list_filter = (EntryFilter,)
    ordering = ("-id",)

    @admin.display(description=_("due at"), ordering="due_at")
    def due(self, tick: ScheduleTick) -> str:
        return display.exact(tick.due_at)

    @admin.display(description=_("task"), empty_value="-")
    def task(self, tick: ScheduleTick) -> SafeString | None:
        if tick.task_id is None:
            return None
        place = reverse("admin:jobs_task_change", args=(tick.task_id,))
        return format_html('<a href="{}">{}</a>', place, tick.task_id)

    def get_urls(self) -> list[URLPattern]:
        run = self.admin_site.admin_view(self.run_view)
        return [path("run/", run, name="jobs_scheduletick_run"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = {
            "schedule": schedule_runs.overview(),
            "may_run": request.user.has_perm(RUN),
            "title": gettext("Schedule"),
        }
        return super().changelist_view(request, {**(extra_context or {}), **shown})

    def run_view(self, request: HttpRequest) -> HttpResponse:
        """Run the entry `name` now and return to the schedule."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(RUN):
            raise PermissionDenied
        name = request.POST.get("name", "")
        try:
            task_id = schedule_runs.run_now(name, by=request.user.pk)
        except (EntryUnknown, RunRefused) as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            place = reverse("admin:jobs_task_change", args=(task_id,))
            link = format_html('<a href="{}">{}</a>', place, gettext("Look at its task"))
            self.message_user(request, format_html("{} {}", gettext("%s is started.") % name, link))
        return HttpResponseRedirect(reverse("admin:jobs_scheduletick_changelist"))
