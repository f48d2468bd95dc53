"""The addresses of the interface: each resource with the suffix of its format, or by `Accept`.

The test endpoint has the same resources; what is sent there is checked and not stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, include, path

from georeport import discovery, requests, services, updates
from georeport.answering import GeoReportView

DISCOVERY = ("discovery", discovery.DiscoveryView)
RESOURCES: list[tuple[str, type[GeoReportView]]] = [
    DISCOVERY,
    ("services", services.ServiceListView),
    ("services/<str:code>", services.ServiceView),
    ("requests", requests.RequestListView),
    ("requests/<str:service_request_id>", requests.RequestView),
    ("tokens/<str:token>", requests.TokenView),
    ("servicerequestupdates", updates.UpdatesView),
]


def _routes(resources: list[tuple[str, type[GeoReportView]]]) -> Iterator[URLPattern]:
    for route, view in resources:
        yield path(f"{route}.<slug:suffix>", view.as_view())
        yield path(route, view.as_view())


endpoint = list(_routes(RESOURCES))
urlpatterns = [
    *_routes([DISCOVERY]),
    path("v2/", include(endpoint)),
    path("test/v2/", include(endpoint), {"is_test": True}),
]
