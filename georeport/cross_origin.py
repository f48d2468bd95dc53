"""Pages of other origins may use the interface from a browser (CORS).

No cookie counts here, so nobody gets more than any other program would.
Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

#: Where every address of the interface begins.
OPEN311_PREFIX = "/open311/"
#: What every answer says, errors and 304 included.
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Allow, ETag, Retry-After, X-Request-ID",
}
TAKEN_HEADERS = "Accept-Language, Content-Type, Idempotency-Key, If-None-Match, X-Request-ID"
PREFLIGHT_SECONDS = 86_400


class CrossOriginMiddleware:
    """Let pages of other origins read every answer under /open311/, whatever part made it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path_info.startswith(OPEN311_PREFIX):
            for name, text in HEADERS.items():
                response.headers[name] = text
        return response


def preflight(methods: Iterable[str]) -> HttpResponse:
    """Return the answer to the question of a browser whether a page may use these methods."""
    response = HttpResponse(status=204)
    del response["Content-Type"]
    response["Access-Control-Allow-Methods"] = ", ".join(methods)
    response["Access-Control-Allow-Headers"] = TAKEN_HEADERS
    response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response
