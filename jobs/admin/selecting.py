"""Actions on rows that were selected in a list: what of the selection has gone since."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import ngettext

M = TypeVar("M", bound=Model)


class SelectingAdmin(admin.ModelAdmin[M]):
    """Says how many selected rows an action leaves alone, since they are not in the list any more.

    A colleague may have handed them over, or changed what the list is filtered by.
    """

    def response_action(self, request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:
        if gone := _gone(request, queryset):
            text = ngettext(
                "%(count)d selected row is not in this list any more, and is left as it is.",
                "%(count)d selected rows are not in this list any more, and are left as they are.",
                gone,
            )
            self.message_user(request, text % {"count": gone}, messages.WARNING)
        return super().response_action(request, queryset)


def _gone(request: HttpRequest, queryset: QuerySet[Any]) -> int:
    """Return how many of the selected rows are not among those of the list."""
    selected = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
    if not request.POST.get("action") or request.POST.get("select_across") == "1":
        return 0
    try:
        present = queryset.order_by().filter(pk__in=selected).values_list("pk", flat=True)
        return len(selected) - len(set(present))
    except (ValidationError, ValueError):
        return 0  # Django answers what is no id
