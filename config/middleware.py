"""Middleware of every request.

It sets the request's id and log line, the urgency of its tasks, problem documents under /api/,
optional trailing slashes, the Content-Security-Policy, and ETags.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.http import ConditionalGetMiddleware
from django.urls import is_valid_path
from django.utils.cache import patch_cache_control
from django.views.defaults import bad_request
from uuid_utils.compat import uuid7

from accounts import origins
from config import http_metrics, problems
from config.probes import PROBE_PATHS
from georeport.answering import refusal_at
from georeport.cross_origin import OPEN311_PREFIX
from jobs.execution.entrance import Entrance, entering_by
from jobs.http import waiting
from jobs.urgency import Urgency

GetResponse = Callable[[HttpRequest], HttpResponseBase]

log = structlog.get_logger(__name__)

API_PREFIX = "/api/"
API_PREFIXES = (API_PREFIX, OPEN311_PREFIX)
#: When the whole request had arrived, by `time.perf_counter`; the server says so.
ARRIVED_AT = "civiclens.arrived_at"
#: Where a trailing slash is optional.
SLASH_OPTIONAL_PREFIXES = (*API_PREFIXES, "/livez", "/readyz", "/problems", "/report")
#: Below these are pages with maps.
MAP_PREFIXES = ("/admin", "/report")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


class RequestIdMiddleware:
    """Give every request an id: the caller's `X-Request-ID` if it is well-formed, else a new one.

    The id is returned in the answer, bound to every log event, and stored with the tasks that the
    request sends (`structlog.contextvars`). `own_request_id` is always made here; the audit log
    uses it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        callers_id = request.headers.get("X-Request-ID", "")
        own_id = uuid7().hex
        request_id = callers_id if _REQUEST_ID.fullmatch(callers_id) else own_id
        started = time.perf_counter()
        ids = {"request_id": request_id, "own_request_id": own_id}
        request.META.setdefault(ARRIVED_AT, started)
        with structlog.contextvars.bound_contextvars(**ids):
            response = self.get_response(request)
            if not waiting.is_postponed(request):
                _count(request, response)
                _log_finished(request, response, started)
        response["X-Request-ID"] = request_id
        return response


class EntranceMiddleware:
    """Set urgency and sender of the tasks that a request sends.

    They are urgent, since a person waits, unless a machine made the request, such as a partner's.
    The sender is the user or the partner, else a digest of the client's address.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with entering_by(functools.partial(_entrance_of, request)):
            return self.get_response(request)


class KeptMethodMiddleware:
    """Redirect what is sent over plain HTTP with 308, by which clients send it again over TLS.

    After Django's 301 most would read that address instead, and take what they read for the answer
    to what they sent.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_moved = response.status_code == HTTPStatus.MOVED_PERMANENTLY
        if is_moved and request.method not in {"GET", "HEAD"}:
            response.status_code = HTTPStatus.PERMANENT_REDIRECT
        return response


class ProblemMiddleware:
    """Make a problem document of every error answer under /api/, and Open311's under /open311/.

    Errors outside of the views, such as unknown addresses, refused hosts and crashes, are HTML
    pages of Django; this replaces them.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            response: HttpResponseBase = bad_request(request, BadRequest())
        else:
            response = self.get_response(request)
        kind = response.get("Content-Type", "")
        if response.status_code < 400 or not isinstance(response, HttpResponse):
            return response
        if request.path_info.startswith(API_PREFIX) and kind.startswith("text/"):
            _become_problem(request, response)
        elif request.path_info.startswith(OPEN311_PREFIX) and kind.startswith("text/html"):
            accept = request.headers.get("Accept", "")
            _become(response, refusal_at(request.path_info, response.status_code, accept=accept))
        return response


class OptionalSlashMiddleware:
    """Serve an address with and without its trailing slash, for every method, without a redirect.

    The URL map names each route once, either way; `request.path` keeps what the client sent.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path.startswith(SLASH_OPTIONAL_PREFIXES) and not is_valid_path(path):
            other = path[:-1] if path.endswith("/") else path + "/"
            if not path.endswith("//") and is_valid_path(other):
                request.path_info = other
        return self.get_response(request)


class ContentSecurityPolicyMiddleware:
    """Forbid pages to load anything but this product's files.

    Only pages with maps may show tiles from elsewhere, and only the admin may use inline styles.
    """

    POLICY = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'"
    )
    ADMIN_POLICY = f"{POLICY}; style-src 'self' 'unsafe-inline'"

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_html = response.get("Content-Type", "").startswith("text/html")
        is_debug_page = settings.DEBUG and is_html and response.status_code in {404, 500}
        if not is_debug_page:
            is_admin = request.path_info.startswith("/admin")
            policy = self.ADMIN_POLICY if is_admin else self.POLICY
            has_map = request.path_info.startswith(MAP_PREFIXES)
            if has_map and settings.MAP_TILES_ORIGIN:
                policy = policy.replace("data:", f"data: {settings.MAP_TILES_ORIGIN}")
            response.headers.setdefault("Content-Security-Policy", policy)
        return response


class ApiCacheMiddleware(ConditionalGetMiddleware):
    """Add an ETag to reads under /api/ and /open311/, and answer 304 to `If-None-Match`.

    Caches may store nothing else there.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not request.path_info.startswith(API_PREFIXES):
            return response
        is_read = request.method in {"GET", "HEAD"} and response.status_code < 400
        if "Cache-Control" not in response:
            patch_cache_control(
                response, **({"private": True, "no_cache": True} if is_read else {"no_store": True})
            )
        if not is_read:
            return response
        answer = super().process_response(request, response)
        if (
            "Retry-After" in response
        ):  # Django's 304 drops it, and a client that polls would ask again at once
            answer["Retry-After"] = response["Retry-After"]
        return answer


def _entrance_of(request: HttpRequest) -> Entrance:
    user: Any = getattr(request, "user", None)
    urgency = Urgency.ROUTINE if getattr(user, "is_machine", False) else Urgency.PERSON
    return Entrance(urgency, getattr(user, "pk", None) or origins.of_request(request).pseudonym)


def _count(request: HttpRequest, response: HttpResponseBase) -> None:
    seconds = time.perf_counter() - request.META[ARRIVED_AT]
    route = http_metrics.route_of(request)
    http_metrics.count(request.method, route, response.status_code, seconds)


def _log_finished(request: HttpRequest, response: HttpResponseBase, started: float) -> None:
    """Log the request in one line, without its query, which may hold a phone number or a token."""
    write = log.debug if request.path_info.rstrip("/") in PROBE_PATHS else log.info
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    write(
        "request_finished",
        method=request.method,
        path=request.path,
        status=response.status_code,
        ms=milliseconds,
    )


def _become_problem(request: HttpRequest, response: HttpResponse) -> None:
    """Replace the content of an error answer by a problem document; keep status and headers."""
    problem = problems.type_for_status(response.status_code)
    members = {}
    if problem.status >= 500:
        members["request_id"] = structlog.contextvars.get_contextvars().get("request_id")
    body = problems.document(problem, detail="", instance=request.path, **members)
    _become(response, HttpResponse(json.dumps(body), content_type=problems.CONTENT_TYPE))


def _become(response: HttpResponse, other: HttpResponse) -> None:
    """Replace the content of an answer by that of another; keep status and headers."""
    response.content = other.content
    response["Content-Type"] = other["Content-Type"]
    if "Content-Length" in response:
        response["Content-Length"] = str(len(response.content))
