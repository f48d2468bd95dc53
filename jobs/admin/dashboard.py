"""The dashboard in the admin."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from jobs.admin.read_only import ReadOnlyAdmin
from jobs.models import (
    Dashboard,
)
from jobs.operations import actions as operator_actions
from jobs.operations import dashboard


@admin.register(Dashboard)
class DashboardAdmin(ReadOnlyAdmin[Dashboard]):
    """Shows the dashboard in place of a list.

    Those who may change queues can pause and resume them there.
    """

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the dashboard, or with `?figures` only its figures.

        A POST pauses or resumes a queue and leads back to the page.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._switch(request)
        period = dashboard.PERIODS.get(request.GET.get("period", ""), dashboard.PERIODS["hour"])
        context = dashboard.figures(period) | {
            "may_switch": request.user.has_perm("jobs.change_queue")
        }
        if "figures" in request.GET:
            return TemplateResponse(request, "admin/jobs/dashboard/figures.html", context)
        context |= self.admin_site.each_context(request) | {
            "title": _("Dashboard"),
            "opts": self.opts,
            "periods": list(dashboard.PERIODS),
            "refresh_seconds": dashboard.REFRESH_SECONDS,
        }
        return TemplateResponse(request, "admin/jobs/dashboard/page.html", context)

    def _switch(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("jobs.change_queue"):
            raise PermissionDenied
        pause, resume = operator_actions.pause, operator_actions.resume
        by = request.user.pk
        if (queue := request.POST.get("pause")) in settings.JOBS_QUEUES and pause(queue, by=by):
            self.message_user(request, _("Queue %s paused.") % queue, messages.SUCCESS)
        if (queue := request.POST.get("resume")) in settings.JOBS_QUEUES and resume(queue, by=by):
            self.message_user(request, _("Queue %s resumed.") % queue, messages.SUCCESS)
        return HttpResponseRedirect(request.get_full_path())
