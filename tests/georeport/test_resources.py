"""Every resource of the interface by every method, as a stranger, with hostile bodies."""

from __future__ import annotations

import pytest
from django.test import Client

from georeport.urls import RESOURCES
from reports.models import Report
from tests.georeport.asking import BASE, refusals
from tests.reports.factories import make_category, make_report

pytestmark = pytest.mark.django_db

#: Resource → what a stranger gets: reading, sending. A resource that is missing here fails.
EXPECTED = {
    "discovery": (200, 405),
    "services": (200, 405),
    "services/<str:code>": (200, 405),
    "requests": (200, 403),
    "requests/<str:service_request_id>": (200, 405),
    "tokens/<str:token>": (404, 405),
    "servicerequestupdates": (200, 403),
}
BODIES = (b"", b"%ff%fe", b"%", b"&&&===", b"a[b][c]=1&a[b]=2", b"api_key=" + b"x" * 100_000)
FORM = "application/x-www-form-urlencoded"


def address_of(route: str, report: Report) -> str:
    """Return the address of a resource, without its suffix."""
    resource, _, argument = route.partition("/")
    value = {"<str:code>": "pothole", "<str:service_request_id>": report.pk}.get(argument, "x")
    return f"{BASE}/{resource}/{value}" if argument else f"{BASE}/{resource}"


def test_a_stranger_reads_and_sends_nothing() -> None:
    report = make_report(category=make_category())
    assert [route for route, _view in RESOURCES] == list(EXPECTED)
    client = Client()
    for route, (reading, sending) in EXPECTED.items():
        address = address_of(route, report)
        assert client.get(f"{address}.json").status_code == reading, route
        for body in BODIES:
            answer = client.post(f"{address}.xml", body, content_type=FORM)
            assert answer.status_code == sending, (route, body)
            assert refusals(answer)[0][0] == sending
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "get", "X" * 500):
            answer = client.generic(method, f"{address}.json")
            assert answer.status_code in {405, reading}, (route, method)
    assert list(Report.objects.all()) == [report]
