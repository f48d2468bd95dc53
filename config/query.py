"""Queries of the API are read strictly: an unknown, empty or repeated parameter answers 400.

Otherwise a misspelt filter would return everything, and what has two values would be taken as one.
The OpenAPI document names the parameters of an operation; what it leaves out (its own address, its
page, health checks) takes any.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from rest_framework.serializers import ErrorDetail

from config import problems, schema


class QueryMiddleware:
    """Refuse a request under /api/ whose query its operation does not take."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        if not request.META.get("QUERY_STRING"):
            return None
        names = parameters.of(view, request.method or "")
        errors = {} if names is None else dict(_errors(request.GET, names))
        return _refusal(request, errors) if errors else None


class Parameters:
    """Keep the names of the query parameters of each operation, once they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[tuple[Any, str], frozenset[str] | None] = {}

    def of(self, view: Callable[..., Any], method: str) -> frozenset[str] | None:
        """Return the names that the operation takes; None where it takes any."""
        operation = (view, "GET" if method == "HEAD" else method)
        try:
            return self._names[operation]
        except KeyError:
            with self._lock:
                return self._names.setdefault(operation, schema.query_parameters(*operation))


parameters = Parameters()


def _errors(query: QueryDict, names: frozenset[str]) -> Iterator[tuple[str, list[ErrorDetail]]]:
    for name, values in query.lists():
        if name not in names:
            yield name, [_unknown(names)]
        elif len(values) > 1:
            yield name, [ErrorDetail("Give this parameter once.", code="repeated")]
        elif not values[0]:
            message = "Give this parameter a value, or leave it out."
            yield name, [ErrorDetail(message, code="blank")]
        elif "\ufffd" in values[0]:  # in place of bytes that are not UTF-8
            yield name, [ErrorDetail("Expected text in UTF-8.", code="invalid")]


def _unknown(names: frozenset[str]) -> ErrorDetail:
    expected = f"Expected one of: {', '.join(sorted(names))}" if names else "None is expected"
    return ErrorDetail(f"Unknown parameter. {expected}.", code="unknown")


def _refusal(request: HttpRequest, errors: dict[str, list[ErrorDetail]]) -> HttpResponse:
    body = problems.document(
        problems.PROBLEM_TYPES["validation-error"],
        detail="",
        instance=request.path,
        errors=list(problems.field_errors(errors, in_query=True)),
    )
    return JsonResponse(body, status=400, content_type=problems.CONTENT_TYPE)
