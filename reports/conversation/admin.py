"""The desk's page of templates of official replies."""

from __future__ import annotations

from django.contrib import admin

from accounts.audited_admin import AuditedAdmin
from reports.models import ReplyTemplate


@admin.register(ReplyTemplate)
class ReplyTemplateAdmin(AuditedAdmin[ReplyTemplate]):
    """Templates, by department and category."""

    list_display = ("name", "department", "category", "is_active")
    list_filter = ("department", "is_active")
    list_select_related = ("department", "category")
    search_fields = ("name", "body")
