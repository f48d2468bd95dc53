"""The contact details of an anonymous reporter on a report's page: whether there are any, and
their deletion.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from jobs.admin.object_page import ObjectPage
from reports.following import contacts
from reports.models import Report
from reports.workflow.roles import roles_in, strongest


class ContactOnPage(ObjectPage[Report]):
    """Adds to a report's page the button that deletes the contact details of its sender."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.erase_contact_view))
        name = "reports_report_erase_contact"
        return [path("<uuid:object_id>/erase-contact/", view, name=name), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Report) -> dict[str, Any]:
        return super().page_context(request, row) | {"has_contact": getattr(row, "has_contact")}  # noqa: B009 - annotated

    def erase_contact_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Delete the contact details of a report's sender."""
        user = cast("User", request.user)
        report = get_object_or_404(Report.objects.for_staff(user), pk=object_id)
        if not report.may_be_changed_by(user):
            raise PermissionDenied
        if contacts.erase(report.pk, by=user, role=strongest(roles_in(report, user))):
            text = _("The contact details were deleted. Their owner gets no more messages.")
            self.message_user(request, text, messages.SUCCESS)
        else:
            text = _("There are no contact details any more.")
            self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:reports_report_change", args=[report.pk]))
