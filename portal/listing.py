"""The list of public reports with its filters, and the same on a map."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request

from accounts.models import User
from portal import catalogue, wording
from portal.city import map_settings
from portal.home import prepare_cards
from portal.pages import SHARED, page, show
from reports.models import OPEN_STATUSES, Report, Status
from reports.views import ReportListView

STATES = {"open": OPEN_STATUSES, "done": (Status.RESOLVED, Status.CLOSED)}
#: Parameters that the list hands on to the API's list of reports as they are.
HANDED_ON = ("q", "category", "bbox", "cursor")


@require_safe
@page
def list_page(request: HttpRequest) -> HttpResponse:
    """Show the public reports that the filters choose, newest first, twenty on a page."""
    asked = {name: str(value) for name, value in request.GET.items() if value}
    context: dict[str, Any] = {"asked": asked, "categories": catalogue.choices()}
    status = HTTPStatus.OK
    try:
        context |= page_of_reports(request, _query(asked))
    except APIException as error:
        status = HTTPStatus.BAD_REQUEST
        context["fault"] = in_words(error)
    context["map"] = map_settings(_points(context.get("reports", [])))
    return show(request, "list.html", context, status=status, caching=SHARED)


def page_of_reports(
    request: HttpRequest, query: QueryDict, *, user: User | None = None
) -> dict[str, Any]:
    """Return a page of reports with links to the next and previous ones, as the API has them.

    Without a `user` it holds public ones only, whoever is signed in.

    Raises:
        APIException: a filter or the cursor is not valid.
    """
    request.GET = query  # type: ignore[assignment]  # what the API's list reads
    view = ReportListView()
    view.request = Request(request)
    view.request.user = user or AnonymousUser()
    reports = list(view.paginate_queryset(view.get_queryset()) or [])
    prepare_cards(reports)
    links = view.get_paginated_response([]).data
    return {
        "reports": reports,
        "next": _relative(links["next"]),
        "previous": _relative(links["previous"]),
    }


def _query(asked: dict[str, str]) -> QueryDict:
    """Return the query of the API's list for what this one was asked for.

    Raises:
        ValidationError: the state is not one of STATES.
    """
    query = QueryDict(mutable=True)
    query.update({name: asked[name] for name in HANDED_ON if name in asked})
    state = asked.get("state")
    if state is not None:
        if state not in STATES:
            raise ValidationError({"state": [_("Choose one of the states of the list.")]})
        query["status"] = ",".join(STATES[state])
    return query


def _relative(link: str | None) -> str:
    return f"?{urlsplit(link).query}" if link else ""


def in_words(error: APIException) -> str:
    """Return what is wrong with the query, in a sentence."""
    detail = error.detail
    if isinstance(detail, dict):
        return " ".join(str(text) for texts in detail.values() for text in texts)
    return str(detail)


def _points(reports: list[Report]) -> list[dict[str, Any]]:
    """Return what the map shows of reports."""
    return [
        {
            "latitude": report.latitude,
            "longitude": report.longitude,
            "title": report.title,
            "status": str(wording.STATUS[report.status]),
            "url": reverse("report-page", args=[report.pk]),
        }
        for report in reports
    ]
