"""The page of one object in the admin, to which several parts may add what it shows."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

M = TypeVar("M", bound=Model)


class ObjectPage(admin.ModelAdmin[M]):
    """Gives the template of an object's page what `page_context` returns."""

    def page_context(self, request: HttpRequest, row: M) -> dict[str, Any]:
        """Return what the page of this row shows beside its form.

        A part of the page adds its own entries to those of `super()`.
        """
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: M | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= self.page_context(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)
