"""The first page of the desk: what waits for its reader today."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from desk.shell.readers import scope_of
from desk.today import arrivals, queue, waiting
from jobs.ledger import database


def page(request: HttpRequest) -> TemplateResponse:
    """Show the reader's queue, and figures that lead to everything else that waits."""
    scope, now = scope_of(request), database.now()
    tiles = waiting.tiles_for(request, scope, now)
    context = admin.site.each_context(request) | {
        "title": _("Today"),
        "scope": scope,
        "tiles": tiles,
        "overdue": waiting.overdue_of(tiles),
    }
    if scope.handles_reports:
        context |= {
            "queue": queue.rows_for(scope, now),
            "arrivals": arrivals.of_last_day(scope.reports(), now),
            "reports_address": reverse("admin:reports_report_changelist"),
        }
    return TemplateResponse(request, "desk/today/page.html", context)
