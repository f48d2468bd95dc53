"""Saved views on pages: `{% saved_views "list" %}` above a list, `{% view_links %}` anywhere."""

from __future__ import annotations

from typing import Any, cast

from django import template
from django.http import HttpRequest

from accounts.models import User
from desk.models import SavedView, ViewPage
from desk.views.pages import teams_of
from reports.desk.choosing import VIEW_VAR
from reports.desk.columns import COLUMNS, chosen_columns

register = template.Library()

Context = dict[str, Any]


@register.inclusion_tag("desk/views/tabs.html", takes_context=True)
def saved_views(context: Context, page: str) -> Context:
    """Show the saved views of a page as tabs, with a form that saves another."""
    request: HttpRequest = context["request"]
    user = cast("User", request.user)
    views = list(SavedView.objects.for_user(user).filter(page=page).select_related("department"))
    number = request.GET.get(VIEW_VAR, "")
    active = next((view for view in views if str(view.pk) == number), None)
    return {
        "request": request,
        "page": page,
        "views": views,
        "active": active,
        "may_change": active
        and SavedView.objects.changeable_by(user).filter(pk=active.pk).exists(),
        "teams": teams_of(user),
        "query": request.GET.urlencode(),
    }


@register.inclusion_tag("desk/views/links.html", takes_context=True)
def view_links(context: Context) -> Context:
    """Show links to the reader's saved views."""
    user = cast("User", context["request"].user)
    views = SavedView.objects.for_user(user).select_related("department")
    return {"views": views, "map": ViewPage.MAP}


@register.inclusion_tag("desk/views/columns.html", takes_context=True)
def column_choice(context: Context) -> Context:
    """Show the dialog that chooses the columns of the list."""
    request: HttpRequest = context["request"]
    shown = chosen_columns(request)
    others = [(name, title, name in shown) for name, title in COLUMNS.items() if name != "title"]
    return {"request": request, "columns": others, "query": request.GET.urlencode()}
