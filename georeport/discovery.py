"""Service discovery: where the endpoints are, and which formats they speak.

Source: http://wiki.open311.org/Service_Discovery
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from georeport import changeset
from georeport.answering import KEPT_SECONDS, GeoReportView, query_of
from georeport.rendering import FORMATS
from georeport.showing import moment

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"


class DiscoveryView(GeoReportView):
    """The document by which a client finds everything else."""

    kept_seconds = KEPT_SECONDS

    def get(self, request: HttpRequest) -> HttpResponse:
        query_of(request)
        base, changed = base_of(request), moment(changeset.changed_at())
        endpoints = [
            _endpoint(f"{base}/open311/v2", kind="production", changed=changed),
            _endpoint(f"{base}/open311/test/v2", kind="test", changed=changed),
        ]
        document = {
            "changeset": changed,
            "contact": settings.OPEN311_CONTACT,
            "key_service": settings.OPEN311_KEY_SERVICE,
            "endpoints": endpoints,
        }
        response = self.answer("discovery", document)
        response["Content-Type"] = self.format.media_type
        return response


def base_of(request: HttpRequest) -> str:
    """Return the address of this site as the client reached it, without a slash at its end."""
    return request.build_absolute_uri("/").rstrip("/")


def _endpoint(url: str, *, kind: str, changed: str | None) -> dict[str, Any]:
    return {
        "specification": SPECIFICATION,
        "url": url,
        "changeset": changed,
        "type": kind,
        "formats": [one.media_type for one in FORMATS.values()],
    }
