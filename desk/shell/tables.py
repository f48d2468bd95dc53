"""The page of all tables: Django's list of apps and their models."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show every table that the reader may open."""
    context = admin.site.each_context(request)
    context |= {"title": _("All tables"), "app_list": context["available_apps"]}
    return TemplateResponse(request, "desk/shell/tables.html", context)
