"""Compression of JSON and XML answers that hold no secrets, because of the BREACH attack."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from georeport.cross_origin import OPEN311_PREFIX

API_PREFIXES = ("/api/", OPEN311_PREFIX)
MINIMUM_BYTES = 1000
COMPRESSED_TYPES = ("application/json", "application/vnd.oai.openapi", "text/xml")


class JsonGzipMiddleware(GZipMiddleware):
    """Compress JSON and XML that is read under /api/ and /open311/.

    Tokens and codes are only in answers to POST, and pages with a CSRF token are HTML: neither is
    compressed. Django adds random bytes as a further protection.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_read = request.method == "GET" and request.path_info.startswith(API_PREFIXES)
        is_text = response.get("Content-Type", "").startswith(COMPRESSED_TYPES)
        is_large = len(getattr(response, "content", b"")) >= MINIMUM_BYTES
        if not (is_read and is_text and is_large):
            return response
        return super().process_response(request, response)
