"""The page of the search, and its answers while one types."""

from __future__ import annotations

from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from desk.finding import people
from desk.finding.answers import groups_for

WORDS_MAXIMUM_CHARACTERS = 200


@require_safe
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """Show everything that was found; a number that names one thing leads to its page."""
    text = _words_of(request)
    groups = groups_for(request, text)
    listed = [answer for group in groups for answer in group.answers]
    if len(listed) == 1 and _is_number(text):
        return HttpResponseRedirect(listed[0].address)
    context = admin.site.each_context(request) | {
        "title": _("Search"),
        "search_words": text,
        "groups": groups,
        "hint": people.hint_for(request, text),
    }
    return TemplateResponse(request, "desk/finding/page.html", context)


@require_safe
@never_cache
def answers(request: HttpRequest) -> HttpResponse:
    """Return the answers as a piece of a page, for the box in the header."""
    text = _words_of(request)
    context = {"groups": groups_for(request, text), "hint": people.hint_for(request, text)}
    return TemplateResponse(request, "desk/finding/answers.html", context)


def _words_of(request: HttpRequest) -> str:
    return " ".join(request.GET.get("q", "")[:WORDS_MAXIMUM_CHARACTERS].split())


def _is_number(text: str) -> bool:
    try:
        UUID(text.removeprefix("#"))
    except ValueError:
        return False
    return True
