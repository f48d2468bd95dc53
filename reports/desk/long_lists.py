"""What keeps the desk's list of reports quick however long it is: its pages, and its filters.

The choices of these filters come from the table itself, which Django's own would read whole at each
look.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs.admin.estimating import EstimatingPaginator, rounded_estimate
from jobs.ledger import database
from reports import searching
from reports.models import Report, ReportQuerySet


class SearchPaginator(EstimatingPaginator):
    """Pages of a search for words; what is read to count them is the first pages too."""

    @cached_property
    def count(self) -> int:
        rows = cast("ReportQuerySet", self.object_list)
        read = self._read = searching.first_read(rows, page_rows=self.per_page)
        self.is_estimated = not read.is_all
        return read.at_least if read.is_all else max(read.at_least, rounded_estimate(rows))

    def page(self, number: int | str) -> Page[Report]:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = slice(start, min(start + self.per_page, self.count))
        matches = cast("ReportQuerySet", self.object_list)
        return Page(searching.page(matches, rows, read=self._read), number, self)


class NamesFilter(admin.RelatedFieldListFilter):
    """Filters by a related row, and reads of all of them the names alone.

    Django reads whole rows, those of categories with their texts for the classifier.
    """

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[str, Any]]:
        rows: Any = field.remote_field.model.objects.values_list("pk", "name")
        ordering = self.field_admin_ordering(field, request, model_admin)
        return list(rows.order_by(*ordering) if ordering else rows)


class CreatedFilter(admin.SimpleListFilter):
    """Filters by when it was reported: lately, or in which year.

    Django's hierarchy of dates reads every report that the list holds, each time.
    """

    title = _("created")
    parameter_name = "created"
    days: tuple[tuple[str, Any], ...] = (
        ("1", _("Today")),
        ("7", _("Past 7 days")),
        ("30", _("Past 30 days")),
    )
    last_day = "24h"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        oldest = Report.objects.order_by("created_at").values_list("created_at", flat=True).first()
        lately = [(self.last_day, gettext("Past 24 hours")), *self.days]
        if oldest is None:
            return lately
        years = range(timezone.localdate().year, timezone.localdate(oldest).year - 1, -1)
        return [*lately, *((str(year), str(year)) for year in years)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        chosen = self.value()
        if chosen not in {key for key, _label in self.lookup_choices}:
            return queryset
        if chosen == self.last_day:
            return queryset.filter(created_at__gte=timezone.now() - timedelta(days=1))
        number = int(str(chosen))
        if chosen in dict(self.days):
            midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
            return queryset.filter(created_at__gte=midnight - timedelta(days=number - 1))
        zone = timezone.get_current_timezone()
        year, next_year = (datetime(one, 1, 1, tzinfo=zone) for one in (number, number + 1))
        return queryset.filter(created_at__gte=year, created_at__lt=next_year)


class SourceFilter(admin.SimpleListFilter):
    """Filters by the system from which reports were imported."""

    title = _("source")
    parameter_name = "source"
    own = "-"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(source or self.own, source or gettext("Reported here")) for source in _sources()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.filter(source="" if chosen == self.own else chosen)


def _sources() -> list[str]:
    """Return the sources there are: one step through an index for each, however many reports."""
    return [source for (source,) in database.fetch(_SOURCES, ())]


_SOURCES = """
    WITH RECURSIVE known(source) AS (
        (SELECT source FROM reports_report ORDER BY source LIMIT 1)
        UNION ALL
        SELECT (SELECT source FROM reports_report WHERE source > known.source
                ORDER BY source LIMIT 1)
        FROM known WHERE known.source IS NOT NULL
    )
    SELECT source FROM known WHERE source IS NOT NULL
"""
