"""The administrators' pages of areas, and of the authorities with the places that they serve."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.admin.adding import AddingMixin
from jobs.admin.trial import Trial, TrialMixin
from reports.geography import boundary, drawing
from reports.models import Area, Authority, Report

#: A trial of an area looks at so many reports near it, and draws so many.
NEAR_MAXIMUM = 5_000
DOTS = 1_000
PICTURE_WIDTH = 480


@admin.register(Area)
class AreaAdmin(TrialMixin[Area], AuditedAdmin[Area]):
    """Shows each area with its outline."""

    list_display = ("name", "picture")
    search_fields = ("name",)
    readonly_fields = ("picture",)
    fields = ("name", "polygons", "picture")

    @admin.display(description=_("outline"))
    def picture(self, area: Area) -> str:
        return drawing.outline(area.polygons)

    def trial(self, request: HttpRequest, row: Area) -> Trial:
        """Return the outline with the reports inside, of those on which the reader works."""
        shape = row.shape()
        west, south, east, north = shape.box
        mine = Report.objects.for_staff(cast("User", request.user))
        near = mine.filter(
            published_at__isnull=False,
            latitude__range=(south, north),
            longitude__range=(west, east),
        ).values_list("latitude", "longitude")[:NEAR_MAXIMUM]
        inside = [place for place in near if shape.covers(*place)]
        count = f"{len(inside)}+" if len(near) == NEAR_MAXIMUM else str(len(inside))
        text = ngettext(
            "%s published report lies inside.", "%s published reports lie inside.", len(inside)
        )
        return Trial(
            sentences=[text % count],
            picture=drawing.outline(row.polygons, width=PICTURE_WIDTH, points=inside[:DOTS]),
            notes=[gettext("North is at the top; each dot is a report.")],
        )


@admin.register(Authority)
class AuthorityAdmin(AddingMixin[Authority], AuditedAdmin[Authority]):
    """Shows the city's own boundary and its neighbours, each with its outline."""

    list_display = ("name", "is_own", "url", "picture", "updated_at")
    list_filter = ("is_own",)
    search_fields = ("name", "url")
    readonly_fields = ("picture", "updated_at")
    fieldsets: ClassVar = [
        (
            None,
            {
                "fields": ("name", "is_own", "url", "polygons", "picture", "updated_at"),
                "description": _(
                    "A report from outside the city's own polygons is refused, with the"
                    " name and address of the neighbour that serves the place. Without polygons of"
                    " the city's own every place is served. A change takes effect within a minute."
                ),
            },
        )
    ]

    @admin.display(description=_("outline"))
    def picture(self, authority: Authority) -> str:
        return drawing.outline(authority.polygons)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Take an address without a scheme for one of https."""
        if db_field.name == "url":
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Authority, form: Any, change: bool) -> None:
        obj.updated_at = Now()
        super().save_model(request, obj, form, change)
        obj.refresh_from_db(fields=["updated_at"])
        transaction.on_commit(boundary.kept.forget)

    def delete_model(self, request: HttpRequest, obj: Authority) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(boundary.kept.forget)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authority]) -> None:
        super().delete_queryset(request, queryset)
        transaction.on_commit(boundary.kept.forget)
