"""Export a list of the admin as it is filtered: CSV, JSON or GeoJSON, in bounded memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs.admin.selecting import SelectingAdmin
from jobs.operations import actions
from jobs.results.exporting import FORMS, Row, cell, feature

M = TypeVar("M", bound=Model)

CHUNK_ROWS = 1_000
ROWS_MAXIMUM = 1_000_000


class ExportingAdmin(SelectingAdmin[M]):
    """Adds an export of the filtered list, which is recorded in the audit log.

    Rows come by descending primary key, with `export_fields`, of which none may be a contact.
    """

    export_fields: ClassVar[tuple[str, ...]] = ("pk",)
    #: Of FORMS; GeoJSON where rows have latitude and longitude.
    export_forms: ClassVar[tuple[str, ...]] = ("csv", "json")

    def export_row(self, row: M) -> Row:
        """Return a row as names and plain values."""
        return {name: _plain(getattr(row, name)) for name in self.export_fields}

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may export the list: whoever may see it, unless overridden."""
        return self.has_view_permission(request)

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        view = self.admin_site.admin_view(require_safe(self.export_view))
        return [path("export/<slug:form>/", view, name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        forms = self.export_forms if self.has_export_permission(request) else ()
        return super().changelist_view(request, {"export_forms": forms} | (extra_context or {}))

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """Send the rows that the list's query chooses as a file."""
        if form not in self.export_forms:
            raise Http404
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            rows = self.export_queryset(request)
        except IncorrectLookupParameters:
            text = "The address has a filter that there is not.\n"
            return HttpResponse(text, status=400, content_type="text/plain")
        self._record_export(request, form)
        name = f"{self.opts.verbose_name_plural}-{timezone.localdate()}.{form}"
        return StreamingHttpResponse(
            _WRITERS[form](self.export_row(row) for row in in_chunks(rows)),
            content_type=FORMS[form][0],
            headers={"Content-Disposition": f'attachment; filename="{name.replace(" ", "-")}"'},
        )

    def export_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """Return the rows that the list's filters and search choose, without its pages."""
        whole = _WholeList(
            request,
            self.model,
            self.get_list_display(request),
            (),
            self.get_list_filter(request),
            self.date_hierarchy,
            self.get_search_fields(request),
            self.get_list_select_related(request),
            self.list_per_page,
            self.list_max_show_all,
            (),
            self,
            (),
            None,
        )
        rows: QuerySet[M] = whole.queryset
        return rows

    def _record_export(self, request: HttpRequest, form: str) -> None:
        """Record who exports, with the names of the filters, whose values may be anything."""
        by = request.user.pk if isinstance(request.user.pk, UUID) else None
        names = sorted(name for name, value in request.GET.items() if value)
        subject = f"{self.opts.model_name}:list"
        event = f"{self.opts.model_name}.exported"
        actions.record(event, subject, by, {"form": form, "filters": names})


class _WholeList(ChangeList):
    """A list as its query filters it, without counts and pages."""

    def get_results(self, request: HttpRequest) -> None:
        """Read nothing: `queryset` is all that is needed."""


def in_chunks(rows: QuerySet[M]) -> Iterator[M]:
    """Yield the rows by descending primary key, at most ROWS_MAXIMUM.

    Each chunk is a query of its own, so that neither a cursor nor a transaction stays open while
    the file is written.
    """
    ordered, last, count = rows.order_by("-pk"), None, 0
    while count < ROWS_MAXIMUM:
        chunk = list((ordered if last is None else ordered.filter(pk__lt=last))[:CHUNK_ROWS])
        yield from chunk
        if len(chunk) < CHUNK_ROWS:
            return
        last, count = chunk[-1].pk, count + len(chunk)


def _plain(value: Any) -> Any:
    """Return a value in a form that JSON can hold."""
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | list | None) else str(value)


def _as_csv(rows: Iterable[Row]) -> Iterator[str]:
    line = io.StringIO()
    table = csv.writer(line)
    for number, row in enumerate(rows):
        if number == 0:
            table.writerow(row)
        table.writerow([cell(value) for value in row.values()])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _as_json(rows: Iterable[Row]) -> Iterator[str]:
    yield from _joined("[\n", (json.dumps(row, ensure_ascii=False) for row in rows), "\n]\n")


def _as_geojson(rows: Iterable[Row]) -> Iterator[str]:
    features = (json.dumps(feature(row), ensure_ascii=False) for row in rows)
    yield from _joined('{"type": "FeatureCollection", "features": [\n', features, "\n]}\n")


def _joined(start: str, parts: Iterable[str], end: str) -> Iterator[str]:
    yield start
    for number, part in enumerate(parts):
        yield f",\n{part}" if number else part
    yield end


_WRITERS = {"csv": _as_csv, "json": _as_json, "geojson": _as_geojson}
