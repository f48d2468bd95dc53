"""Reading service requests: a page of them, or one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from georeport import searching, showing
from georeport.answering import GeoReportView, query_of
from georeport.discovery import base_of
from georeport.errors import NotFound
from georeport.parameters import Parameters
from georeport.searching import Page
from georeport.services import accepted_by
from georeport.showing import Row

ONE = Page(1, 1)


class RequestListView(GeoReportView):
    """The public service requests, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        parameters = query_of(request)
        page = Page.of(parameters)
        rows = showing.rows_of(searching.chosen(parameters), page.rows)
        return self.answer_rows(request, parameters, rows)

    def answer_rows(
        self, request: HttpRequest, parameters: Parameters, rows: list[Row]
    ) -> HttpResponse:
        """Return the answer with these rows."""
        base, accepted = base_of(request), accepted_by(request)
        shown: list[dict[str, Any]] = [
            showing.service_request(row, base=base, accepted=accepted) for row in rows
        ]
        if parameters.is_on("extensions"):
            more = showing.extensions(rows, base=base)
            shown = [
                one | {"extended_attributes": more[row["pk"]]}
                for one, row in zip(shown, rows, strict=True)
            ]
        return self.answer("service_requests", shown, is_translated=True)


class RequestView(RequestListView):
    """One public service request, as a list of one."""

    def get(self, request: HttpRequest, service_request_id: str) -> HttpResponse:  # type: ignore[override]
        parameters = query_of(request)
        rows = showing.rows_of(searching.report_with(service_request_id), ONE.rows)
        if not rows:
            raise NotFound(f"service_request_id {service_request_id[:60]} was not found.")
        return self.answer_rows(request, parameters, rows)
