"""Choose reports by the query of the desk's list, for pages that show them in another way."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext

from reports.models import Report, ReportQuerySet

COLUMNS_VAR, VIEW_VAR = "columns", "view"
#: Parameters of the list that choose no reports.
OTHER_PARAMETERS = (COLUMNS_VAR, VIEW_VAR)


@dataclass(frozen=True, slots=True)
class FilterField:
    """A filter of the list as a field of a form."""

    name: str
    title: str
    options: list[tuple[str, str]]
    value: str


class ReportList(ChangeList):
    """The desk's list of reports, whose query may also name columns and a saved view."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Return the parameters that are filters."""
        filters: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in filters.items() if name not in OTHER_PARAMETERS}


class ChosenReports(ReportList):
    """The reports that a query of the list chooses, without the list's pages."""

    def get_results(self, request: HttpRequest) -> None:
        """Count and read nothing."""

    @property
    def reports(self) -> ReportQuerySet:
        return cast("ReportQuerySet", self.queryset)

    @property
    def words(self) -> str:
        """Return the text that the query searches for; "" for none."""
        return str(self.query or "").strip()

    @cached_property
    def fields(self) -> list[FilterField]:
        """Return the filters that the list offers, as fields of a form."""
        return list(self._fields())

    def _fields(self) -> Iterator[FilterField]:
        for spec in self.filter_specs:
            # An empty value would be taken for all reports.
            options = [
                (str(value), str(label)) for value, label in _options_of(spec) if value != ""
            ]
            value = spec.value() if isinstance(spec, admin.SimpleListFilter) else _last(spec)
            yield FilterField(_name_of(spec), str(spec.title), options, str(value or ""))


def choose(request: HttpRequest, query: QueryDict) -> ChosenReports:
    """Return the reports of the list that a query chooses, among those its sender works on.

    Raises:
        PermissionDenied: the sender works in no department.
        IncorrectLookupParameters, SuspiciousOperation: the query is none of the list's.
    """
    reports_admin: Any = admin.site.get_model_admin(Report)
    copied: Any = copy(request)
    copied.GET = query
    if not reports_admin.has_view_permission(copied):
        raise PermissionDenied
    return ChosenReports(
        copied,
        Report,
        reports_admin.get_list_display(copied),
        (),
        reports_admin.get_list_filter(copied),
        None,
        reports_admin.get_search_fields(copied),
        False,
        reports_admin.list_per_page,
        reports_admin.list_max_show_all,
        (),
        reports_admin,
        reports_admin.get_sortable_by(copied),
        reports_admin.search_help_text,
    )


def query_of(request: HttpRequest, *others: str) -> QueryDict:
    """Return the query of a request for the list, without parameters that have other names."""
    query = request.GET.copy()
    for name in [*others, *(name for name, value in request.GET.items() if not value)]:
        query.pop(name, None)
    return query


def _options_of(spec: Any) -> Any:
    if hasattr(spec, "lookup_choices"):
        return spec.lookup_choices
    if isinstance(spec, admin.BooleanFieldListFilter):
        return [("1", gettext("Yes")), ("0", gettext("No"))]
    return spec.field.flatchoices


def _name_of(spec: Any) -> str:
    return str(getattr(spec, "parameter_name", None) or spec.lookup_kwarg)


def _last(spec: Any) -> Any:
    values = spec.lookup_val
    return values[-1] if isinstance(values, list) and values else values
