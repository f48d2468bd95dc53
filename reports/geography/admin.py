"""The administrators' page of areas."""

from __future__ import annotations

from django.contrib import admin

from accounts.audited_admin import AuditedAdmin
from reports.geography import drawing
from reports.models import Area


@admin.register(Area)
class AreaAdmin(AuditedAdmin[Area]):
    """Shows each area with its outline."""

    list_display = ("name", "picture")
    search_fields = ("name",)
    readonly_fields = ("picture",)
    fields = ("name", "polygons", "picture")

    @admin.display(description="outline")
    def picture(self, area: Area) -> str:
        return drawing.outline(area.polygons)
