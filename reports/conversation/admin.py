"""The desk's page of templates of official replies."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.admin.trial import Trial, TrialMixin
from reports.conversation import replying
from reports.models import ReplyTemplate, Report


@admin.register(ReplyTemplate)
class ReplyTemplateAdmin(TrialMixin[ReplyTemplate], AuditedAdmin[ReplyTemplate]):
    """Templates, by department and category."""

    list_display = ("name", "department", "category", "is_active")
    list_filter = ("department", "is_active")
    list_select_related = ("department", "category")
    search_fields = ("name", "body")

    def trial(self, request: HttpRequest, row: ReplyTemplate) -> Trial:
        """Return the text as it would be sent about the newest report that the template is for."""
        mine = Report.objects.for_staff(cast("User", request.user)).with_related()
        chosen = {
            name: value
            for name in ("department", "category")
            if (value := getattr(row, f"{name}_id")) is not None
        }
        report = mine.filter(**chosen).order_by("-created_at", "-id").first()
        if report is None:
            return Trial([_("You work on no report that this template is for.")])
        languages = [replying.LANGUAGE, *row.translations]
        texts = [(code, replying.preview(row, report, language=code).text) for code in languages]
        return Trial(
            sentences=[_("As it would be sent about “%s”:") % report.title],
            text=texts[0][1],
            columns=[_("Language"), _("Text")] if row.translations else [],
            rows=texts[1:],
        )
