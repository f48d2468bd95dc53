"""Admin pages of reports; those of the desk and the catalogue are in their wings."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from reports.catalogue import admin as catalogue_admin  # noqa: F401 - it registers its pages
from reports.collection import admin as collection_admin  # noqa: F401 - it too
from reports.collection.analysis import admin as topics_admin  # noqa: F401 - it too
from reports.conversation import admin as conversation_admin  # noqa: F401 - it too
from reports.desk import admin as desk_admin  # noqa: F401 - it too
from reports.desk import patterns as patterns_admin  # noqa: F401 - it too
from reports.dispatch import admin as dispatch_admin  # noqa: F401 - it too
from reports.drafts import admin as drafts_admin  # noqa: F401 - it too
from reports.duplicates import admin as duplicates_admin  # noqa: F401 - it too
from reports.escalation import admin as escalation_admin  # noqa: F401 - it too
from reports.geography import admin as geography_admin  # noqa: F401 - it too
from reports.models import Report, StatusChange
from reports.moderation import admin as moderation_admin  # noqa: F401 - it too
from reports.policies import admin as policies_admin  # noqa: F401 - it too
from reports.routing import admin as routing_admin  # noqa: F401 - it too
from reports.workflow import admin as workflow_admin  # noqa: F401 - it too


@admin.register(StatusChange)
class StatusChangeAdmin(ReadOnlyAdmin[StatusChange]):
    list_display = ("at", "report", "from_status", "to_status", "note", "by")
    list_filter = ("to_status",)
    list_select_related = ("report", "by")
    search_fields = ("report__title", "note")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusChange]:
        """Return the history of the reports that this member of staff works on."""
        mine = Report.objects.for_staff(cast("User", request.user))
        return super().get_queryset(request).filter(report__in=mine)
