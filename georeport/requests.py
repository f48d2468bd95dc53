"""Service requests: a page of them, one of them, a new one, and the id behind a token."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language_from_request

from accounts import origins
from georeport import keys, reading, repeating, searching, showing
from georeport.answering import GeoReportView, form_of, query_of
from georeport.discovery import base_of
from georeport.errors import BadRequest, NotFound
from georeport.models import SentRequest
from georeport.parameters import Parameters
from georeport.searching import Page
from georeport.sending import send
from georeport.services import accepted_by
from georeport.showing import Row
from georeport.submitting import Sending
from jobs.ledger import database

ONE = Page(1, 1)


class RequestListView(GeoReportView):
    """The public service requests, newest first; a new one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        parameters = query_of(request)
        page = Page.of(parameters)
        rows = showing.rows_of(searching.chosen(parameters), page.rows)
        return self.answer_rows(request, parameters, rows)

    def post(self, request: HttpRequest) -> HttpResponse:
        parameters = form_of(request)
        key = keys.admitted(parameters.text("api_key"), to="submit", is_test=self.is_test)
        program = reading.program_of(parameters, key)
        media = [upload for _, uploads in request.FILES.lists() for upload in uploads]
        sending = Sending(
            parameters=parameters,
            key=key,
            media=media,
            language=get_language_from_request(request),
            host=origins.of_request(request).host,
            identity=repeating.identity_of(
                parameters,
                program,
                media=media,
                idempotency_key=request.headers.get("Idempotency-Key", ""),
                today=database.now().date(),
            ),
            is_test=self.is_test,
        )
        receipt = send(sending)
        shown = {
            **({"token": receipt.token} if receipt.token else {}),
            **({} if receipt.token else {"service_request_id": str(receipt.service_request_id)}),
            "service_notice": receipt.notice,
            "account_id": parameters.text("account_id") or None,
        }
        return self.answer("service_requests", [shown], status=201)

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

    post = None  # type: ignore[assignment]  # what is sent goes to the list

    def get(self, request: HttpRequest, service_request_id: str) -> HttpResponse:  # type: ignore[override]
        parameters = query_of(request)
        rows = showing.rows_of(searching.report_with(service_request_id), ONE.rows)
        if not rows:
            raise NotFound(f"service_request_id {service_request_id[:60]} was not found.")
        return self.answer_rows(request, parameters, rows)


class TokenView(GeoReportView):
    """The id of a request that was sent with an address; empty until its place is known."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        query_of(request)
        sent = SentRequest.objects.filter(token=token).first()
        if sent is None:
            raise NotFound(f"token {token[:40]} was not found.")
        if sent.refusal:
            raise BadRequest(sent.refusal)
        service_request_id = str(sent.report_id) if sent.report_id else None
        shown = {"service_request_id": service_request_id, "token": sent.token}
        return self.answer("service_requests", [shown])
