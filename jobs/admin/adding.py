"""Forms that add a row, without what the database fills in itself."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.db.models.fields import NOT_PROVIDED
from django.http import HttpRequest

M = TypeVar("M", bound=Model)


class AddingMixin(admin.ModelAdmin[M]):
    """Leaves the read-only fields with a default of the database out of the form for a new row.

    Such a row has no value to show yet.
    """

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None:
            return fieldsets
        filled = {field.name for field in self.opts.fields if field.db_default is not NOT_PROVIDED}
        hidden = filled & {str(name) for name in self.get_readonly_fields(request)}
        return [
            (
                title,
                {
                    **options,
                    "fields": [name for name in options["fields"] if name not in hidden],
                },
            )
            for title, options in fieldsets
        ]
