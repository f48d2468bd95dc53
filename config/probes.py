"""Health checks and scrapes: answered under any host name, before sessions and users are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

#: Asked from inside, by whatever name or address this machine has there.
PROBE_PATHS = ("/livez", "/readyz", "/metrics", "/api/v1/health")


class ProbeMiddleware:
    """Call the view of a probe at once: ALLOWED_HOSTS is about the names that people use."""

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
