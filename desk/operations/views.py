"""The page of operations, which leads to every page that operators use."""

from __future__ import annotations

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from desk.operations import places


@require_safe
def operations(request: HttpRequest) -> HttpResponse:
    """Show the places of operations that the reader may open, with the condition of each."""
    context = site.each_context(request) | {
        "title": _("Operations"),
        "cards": list(places.cards(request)),
    }
    return TemplateResponse(request, "desk/operations/page.html", context)
