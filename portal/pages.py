"""What every public page has: its language, its headers, and pages in place of known failures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    UnreadablePostError,
)
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from jobs.errors import DomainError
from portal import citizens, languages
from reports.errors import (
    CommentRefused,
    CommentRepeated,
    TooManyPhotos,
    TooManyReports,
    TooManyReportsHere,
)
from reports.geography import background

log = structlog.get_logger(__name__)

#: Pages that show the same to everybody may be kept so long, as the city's figures in the API.
SHARED = "public, max-age=15"
#: Pages with a token, or about one person.
PRIVATE = "private, no-store"
DATABASE_PAUSE_SECONDS = 5
#: Refused until some time has passed.
_TOO_MANY = (CommentRefused, TooManyReports, TooManyReportsHere)

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """Serve a view in the reader's language; a known failure becomes a page of the same look."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        citizens.identify(request)
        language = languages.of_request(request)
        with translation.override(language):
            try:
                response = view(request, *args, **kwargs)
            except Http404:
                response = refused(request, HTTPStatus.NOT_FOUND)
            except RequestDataTooBig:
                response = refused(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            except (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError):
                response = refused(request, HTTPStatus.BAD_REQUEST)
            except (OperationalError, InterfaceError):
                log.exception("database_unavailable")
                response = refused(request, HTTPStatus.SERVICE_UNAVAILABLE)
                response["Retry-After"] = str(DATABASE_PAUSE_SECONDS)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response

    return answer


def takes_form_of(name: str) -> Callable[[View], View]:
    """Make a view take what the form of a page sends; whoever opens its address gets the page.

    Browsers open it when somebody reloads, or comes back to, the answer to a refused form.
    """

    def decorate(view: View) -> View:
        @require_http_methods(["GET", "HEAD", "POST"])
        @functools.wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            return lead_to(reverse(name, args=args, kwargs=kwargs))

        return answer

    return decorate


def show(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = HTTPStatus.OK,
    caching: str = PRIVATE,
) -> HttpResponse:
    """Return a page; by default no cache may keep it.

    `address` in the context is where the page itself is, if a form was sent to another address.
    """
    shown = {"city": city(), "languages": languages.choices(), **context}
    response = render(request, f"portal/{template}", shown, status=status)
    response["Cache-Control"] = caching
    return response


def lead_to(address: str) -> HttpResponse:
    """Lead to another page after a form was taken, so that a reload sends nothing again."""
    response = HttpResponseRedirect(address)
    response.status_code = HTTPStatus.SEE_OTHER
    response["Cache-Control"] = PRIVATE
    return response


def city() -> str:
    """Return the name of the city; "" where its boundary was never loaded."""
    features = background.outlines()["features"]
    names = (one["properties"]["name"] for one in features)
    kinds = (one["properties"]["kind"] for one in features)
    return next((name for name, kind in zip(names, kinds, strict=True) if kind == "boundary"), "")


def refused(
    request: HttpRequest, status: HTTPStatus, reason: tuple[str, str] | None = None
) -> HttpResponse:
    """Return the page that says why there is nothing to see; it reads nothing."""
    title, advice = reason or _reason(status)
    context = {"title": title, "advice": advice}
    response = render(request, "portal/refused.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def signed_out(request: HttpRequest) -> HttpResponse:
    """Return the page for what was sent after its sender had been signed out."""
    advice = _(
        "You were signed out meanwhile. Sign in again in another tab, then go back in this one and"
        " send it once more."
    )
    return refused(request, HTTPStatus.FORBIDDEN, (_("You are not signed in"), advice))


def refusal_page(status: HTTPStatus, detail: str) -> str:
    """Return the page for a request that the web server refused before Django got it."""
    title, advice = _reason(status)
    return render_to_string("portal/refused.html", {"title": title, "advice": detail or advice})


@page
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's
    """Return the page for addresses that lead nowhere, wherever they are."""
    return refused(request, HTTPStatus.NOT_FOUND)


def status_of(error: DomainError) -> HTTPStatus:
    """Return the status of a page that says why something was refused."""
    is_limit = isinstance(error, _TOO_MANY) and not isinstance(error, CommentRepeated)
    if is_limit or isinstance(error, TooManyPhotos):
        return HTTPStatus.TOO_MANY_REQUESTS
    return HTTPStatus.CONFLICT


def _reason(status: HTTPStatus) -> tuple[str, str]:
    match status:
        case HTTPStatus.NOT_FOUND:
            return _("There is no such page"), _(
                "It may have been removed, or the report may not be public yet. If you reported it"
                " yourself, open the private link that you were given, or sign in."
            )
        case HTTPStatus.FORBIDDEN:
            return _("That is not yours to do"), _(
                "Only whoever sent the report may do this, with its private link."
            )
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return _("That was too large"), _("Send fewer or smaller photos.")
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return _("We cannot answer right now"), _(
                "Please try again in a moment. If you were sending a report, go back and send it"
                " again: it is stored only once."
            )
        case _:
            return _("That could not be read"), _("Please go back and try again.")
