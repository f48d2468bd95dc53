"""Health checks and metrics, answered under any host name and without sessions or users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

#: Paths that monitoring inside the network requests, under any name or address of this machine.
PROBE_PATHS = ("/livez", "/readyz", "/metrics", "/api/v1/health")


class ProbeMiddleware:
    """Call the view of a probe without the check of ALLOWED_HOSTS, which is for browsers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info.rstrip("/")
        if path not in PROBE_PATHS:
            return self.get_response(request)
        match = _resolve(path)
        if match is None:
            return HttpResponseNotFound()
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response.render() if hasattr(response, "render") else response


def _resolve(path: str) -> Any:
    for spelling in (path, f"{path}/"):
        try:
            return resolve(spelling)
        except Resolver404:
            continue
    return None
