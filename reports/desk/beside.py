"""Going from a report's page to the next or the previous one of the list it was opened from."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from jobs.admin.object_page import ObjectPage
from reports.desk.choosing import choose
from reports.desk.filters import QueueFilter
from reports.models import Report, ReportQuerySet

#: Django's name for the query of the list in the address of a page.
LIST_QUERY = "_changelist_filters"
#: In a list that is ordered otherwise than by time, the place is looked for among so many.
LOOKED_THROUGH = 1_000


class BesidePages(ObjectPage[Report]):
    """Adds the addresses of the next and the previous report to a report's page."""

    def get_urls(self) -> list[Any]:
        return [
            path(
                f"<uuid:object_id>/{name}/",
                self.admin_site.admin_view(require_safe(view)),
                name=f"reports_report_{name}",
            )
            for name, view in (("next", self.next_view), ("previous", self.previous_view))
        ] + super().get_urls()

    def page_context(self, request: HttpRequest, row: Report) -> dict[str, Any]:
        query = request.GET.get(LIST_QUERY, "")
        return super().page_context(request, row) | {"list_query": query}

    def next_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Go to the next report of the list."""
        return self._go(request, object_id, 1)

    def previous_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Go to the previous report of the list."""
        return self._go(request, object_id, -1)

    def _go(self, request: HttpRequest, object_id: UUID, step: int) -> HttpResponse:
        mine = Report.objects.for_staff(cast("User", request.user))
        report = get_object_or_404(mine, pk=object_id)
        query = QueryDict(request.GET.get(LIST_QUERY, ""), mutable=True)
        query.pop("p", None)
        beside = _beside(choose(request, query).reports, report, step, query)
        suffix = QueryDict(mutable=True)
        suffix[LIST_QUERY] = request.GET.get(LIST_QUERY, "")
        if beside is None:
            self.message_user(request, _("This is the end of the list."), messages.INFO)
        address = reverse("admin:reports_report_change", args=[beside or report.pk])
        return HttpResponseRedirect(f"{address}?{suffix.urlencode()}")


def _beside(reports: ReportQuerySet, report: Report, step: int, query: QueryDict) -> UUID | None:
    """Return the id of the next (1) or previous (-1) report of a list; None at its end."""
    if "o" in query or query.get(QueueFilter.parameter_name) == QueueFilter.ordered:
        return _among_first(reports, report, step)
    at, pk = report.created_at, report.pk
    if step > 0:
        later = reports.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk))
        return later.order_by("-created_at", "-pk").values_list("pk", flat=True).first()
    earlier = reports.filter(Q(created_at__gt=at) | Q(created_at=at, pk__gt=pk))
    return earlier.order_by("created_at", "pk").values_list("pk", flat=True).first()


def _among_first(reports: ReportQuerySet, report: Report, step: int) -> UUID | None:
    ids = list(reports.values_list("pk", flat=True)[:LOOKED_THROUGH])
    place = ids.index(report.pk) + step if report.pk in ids else 0
    return ids[place] if 0 <= place < len(ids) else None
