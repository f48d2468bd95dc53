"""The page of a report: to everybody, and with the tracking token or signed in to its reporter."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.models import User
from portal.catalogue import name_categories
from portal.city import map_settings
from portal.pages import PRIVATE, page, show
from portal.reporting import REFERRER
from reports.dates.showing import expected_date, forecast_of
from reports.following import follows
from reports.geography import boxes
from reports.models import (
    COMMENT_MAX_CHARACTERS,
    Comment,
    Merge,
    PhotoKind,
    Report,
    ReportContact,
    Status,
    StatusChange,
)
from reports.photos.serializers import detailed
from reports.workflow import checking
from reports.workflow.roles import roles_in
from reports.workflow.table import REPORTER

#: Comments on the page, the newest; the API has them all.
COMMENTS = 100
AROUND_METRES = 500
_CHECKED = "private, no-cache"


@require_safe
@page
def report_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a report to people; programs, which do not ask for HTML, are sent to the API.

    Raises:
        Http404: there is none that this reader may see.
    """
    if "text/html" not in request.headers.get("Accept", ""):
        response: HttpResponse = redirect("report-detail", pk=pk)
    else:
        response = shown(request, pk, token=request.GET.get("tracking_token", ""))
    patch_vary_headers(response, ["Accept"])
    return response


def shown(
    request: HttpRequest, pk: UUID, *, token: str, status: int = HTTPStatus.OK, **more: Any
) -> HttpResponse:
    """Return the page of a report for this reader; `more` is what came of something they sent.

    Raises:
        Http404: there is none that this reader may see.
    """
    visible = Report.objects.visible_to(request.user, tracking_token=token)
    report = visible.for_detail().filter(pk=pk).first()
    if report is None:
        raise Http404
    name_categories([report])
    has_forms = bool(token) or isinstance(request.user, User)
    address = reverse("report-page", args=[pk])
    if token:
        address += f"?{urlencode({'tracking_token': token})}"
    context = _facts(request, report, token) | {"has_forms": has_forms, "address": address} | more
    response = show(
        request, "report.html", context, status=status, caching=PRIVATE if has_forms else _CHECKED
    )
    response["Referrer-Policy"] = REFERRER
    response["X-Robots-Tag"] = "noindex"
    return response


def _facts(request: HttpRequest, report: Report, token: str) -> dict[str, Any]:
    """Return what the page shows of a report."""
    is_own = report.is_own(request.user, tracking_token=token)
    point = {
        "latitude": report.latitude,
        "longitude": report.longitude,
        "title": report.title,
    }
    box = boxes.around(report.latitude, report.longitude, AROUND_METRES)
    return {
        "report": report,
        "original": _original(report),
        "token": token,
        "is_own": is_own,
        "photos": _photos(request, report, token, is_own=is_own),
        "expected": expected_date(report, forecast_of(report)),
        "history": _public_lines(report),
        "comments": _comments(request, report, token),
        "comment_maximum": COMMENT_MAX_CHARACTERS,
        "map": map_settings([point]),
        "around": ",".join(f"{degrees:.5f}" for degrees in box),
        **_taking_part(request, report, token),
    }


def _photos(
    request: HttpRequest, report: Report, token: str, *, is_own: bool
) -> list[dict[str, Any]]:
    """Return the photos that this reader may see.

    Pictures are the API's, which gives those that are not public to the token and the desk alone,
    and not for the cookie of a citizen: that page says of them that they are not shown.
    """
    photos = detailed(report.photos.all(), is_staff=False, is_sender=is_own)
    suffix = f"?{urlencode({'tracking_token': token})}" if token and is_own else ""
    is_given_all = bool(suffix) or (isinstance(request.user, User) and request.user.is_staff)
    for photo in photos:
        is_public = report.published_at and photo["kind"] != PhotoKind.UNREPAIRED
        if not (is_public or is_given_all):
            photo["urls"] = None
        elif photo["urls"]:
            photo["urls"] = {size: url + suffix for size, url in photo["urls"].items()}
    return photos


def _original(report: Report) -> Report | None:
    """Return the public report into which this one was merged."""
    if report.status != Status.DUPLICATE:
        return None
    merge = Merge.objects.standing().filter(duplicate=report).first()
    return Report.objects.published().filter(pk=merge.original_id).first() if merge else None


def _public_lines(report: Report) -> list[StatusChange]:
    """Return what everybody may read of the history, the latest first."""
    return [line for line in reversed(report.history.all()) if line.is_public]


def _comments(request: HttpRequest, report: Report, token: str) -> list[Comment]:
    """Return the comments that this reader may read, the oldest first."""
    readable = Comment.objects.readable_by(request.user, on=report, tracking_token=token)
    newest = readable.select_related("department").order_by("-created_at", "-id")[:COMMENTS]
    return list(reversed(newest))


def _taking_part(request: HttpRequest, report: Report, token: str) -> dict[str, Any]:
    """Return how many people take part, and what this reader may do."""
    user = request.user
    if isinstance(user, User):
        standing = follows.standings([report.pk], user.pk).get(report.pk, follows.Standing())
        may_follow = True
    elif report.is_held(token):
        standing = follows.holders_standing(report)
        may_follow = ReportContact.objects.filter(report=report).exists()
    else:
        standing = follows.standings([report.pk], None).get(report.pk, follows.Standing())
        may_follow = False
    roles = roles_in(report, user, tracking_token=token) & REPORTER
    return {
        "standing": standing,
        "may_follow": may_follow,
        "may_comment": isinstance(user, User) or report.is_held(token),
        "may_me_too": isinstance(user, User) and report.reporter_id != user.pk,
        "steps": checking.available(report, roles) if roles else [],
    }
