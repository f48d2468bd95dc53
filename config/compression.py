"""Compression of JSON answers that hold no secrets, because of the BREACH attack."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

API_PREFIX = "/api/"
MINIMUM_BYTES = 1000
COMPRESSED_TYPES = ("application/json", "application/vnd.oai.openapi")


class JsonGzipMiddleware(GZipMiddleware):
    """Compress JSON that is read under /api/.

    Tokens and codes are only in answers to POST, and pages with a CSRF token are HTML: neither is
    compressed. Django adds random bytes as a further protection.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_read = request.method == "GET" and request.path_info.startswith(API_PREFIX)
        is_json = response.get("Content-Type", "").startswith(COMPRESSED_TYPES)
        is_large = len(getattr(response, "content", b"")) >= MINIMUM_BYTES
        if not (is_read and is_json and is_large):
            return response
        return super().process_response(request, response)
