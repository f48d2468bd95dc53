"""What an attacker sends: nothing of it is a 5xx, and nothing gets past a check by its spelling."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from tests.config.test_access_matrix import EXPECTED
from tests.config.world import World, routes
from tests.reports.factories import make_category, make_department, new_report

#: Also for a test that does not ask for it: what others of this file share is always there.
pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.slow]

LISTS = [
    "report-list",
    "category-list",
    "department-list",
    "opportunity-list",
    "sessions",
    "job-list",
    "match-list",
]


def cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


CURSORS = [
    "x",
    "=" * 4000,
    cursor(0),
    cursor(0, "a\x00b"),
    cursor(0, "\ud800"),
    cursor(0, "9" * 400),
    cursor(0, "nan", "nan"),
    cursor(0, "9" * 400, str(uuid4())),
    cursor(0, "2026-01-01", "x"),
    cursor(0, "0001-01-01T00:00:00+14:00", str(uuid4())),
    cursor(0, "9999-12-31T23:59:59-14:00", str(uuid4())),
    cursor(0, "9999-12-31T23:59:59-23:59", str(uuid4())),
    cursor(0, "0001-01-01T00:00:00+23:59", str(uuid4())),
    cursor(0, "infinity", str(uuid4())),
    cursor(2, "a"),
    cursor(0, {"$gt": ""}),
    "W" * 100_000,
]
QUERIES = [
    "page_size=0",
    "page_size=-1",
    "page_size=1e9",
    "page_size=99999999999999999999",
    "page_size=%D9%A3",
    "status=%00",
    "status=%ff%fe",
    "status=new&status=%F0%9F%92%A9",
    "category=%ED%A0%80",
    "mine=%00",
    "mine=maybe",
    "state=x",
    "bbox=nan,nan,nan,nan",
    "bbox=1,2,3",
    "bbox=1e400,0,0,0",
    "bbox=180,90,-180,-90",
    "q=%27%3B--",
    "q=:*%26!|",
    "near=1",
    "near=nan,nan",
    "radius_km=-1",
    "radius_km=inf",
    "language=%ff",
    "kind=[]",
    "remote=2",
    "starts_after=0000-00-00",
    "ends_before=99999-01-01",
    "min_score=nan",
    "new_since=infinity",
    "new_since=0001-01-01T00:00:00%2B14:00",
    "wait=-1",
    "wait=1e3",
    "%ff=%ff",
    "a[b][c]=1",
    "&&&===",
    ";",
    "q=" + "(" * 300,
    "job_type=" + "x" * 5000,
]


@pytest.mark.parametrize("route", LISTS)
def test_no_query_breaks_a_list(world: World, route: str) -> None:
    make_category(department=make_department())
    client, url = world.clients["owner"], reverse(route)
    for text in [*QUERIES, *(f"cursor={text}" for text in CURSORS)]:
        answer = client.get(f"{url}?{text}")
        assert answer.status_code in {200, 400}, (text, answer.status_code, answer.content)
        assert b"Traceback" not in answer.content


BODIES = [
    b"",
    b"null",
    b"[]",
    b"0",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b'{"a":' * 5000,
    b"[" * 100_000,
    b'{"phone": {"a": []}}',
    (
        b'{"title": ["x"], "description": 1, "latitude": true, "longitude": [], '
        b'"severity": {}, "category": []}'
    ),
    (
        b'{"phone": null, "code": 1, "challenge_id": {}, "refresh": [], "email": 1, '
        b'"locale": [], "name": {}}'
    ),
    b'{"job_type": [], "payload": "x", "notify": []}',
    b'{"job_type": {}, "payload": null}',
    b'{"status": [], "note": {}}',
    b'{"skills": [[]], "wants": {}, "languages": [1], "latitude": "x"}',
    b'{"keywords": [], "filters": "x", "limit": {}, "wait": []}',
    b"\xef\xbb\xbf{}",
]
#: Each route gets every third of these; the campaign sends each route all of them.
STRIDE = 3


def broken(world: World, route: str, bodies: list[bytes]) -> list[tuple[str, bytes]]:
    """Return the method and the body of each request that is answered with an error of ours."""
    url = reverse(route, args=world.arguments.get(route, []))
    client = world.clients["owner"]
    return [
        (method, body[:60])
        for method in ("POST", "PUT", "PATCH", "DELETE")
        if method in EXPECTED[route]
        for body in bodies
        if client.generic(method, url, body, "application/json").status_code >= 500  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("number", range(len(EXPECTED)), ids=list(EXPECTED).__getitem__)
def test_no_body_breaks_a_route(world: World, number: int) -> None:
    assert broken(world, list(EXPECTED)[number], BODIES[number % STRIDE :: STRIDE]) == []


@pytest.mark.campaign
@pytest.mark.parametrize("route", list(EXPECTED))
def test_none_of_all_bodies_breaks_a_route(world: World, route: str) -> None:
    assert broken(world, route, BODIES) == []


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "",
        "a" * 5000,
    ],
)
def test_only_json_is_read(world: World, kind: str) -> None:
    answer = world.clients["anonymous"].generic(
        "POST", "/api/v1/reports/", json.dumps(new_report()), content_type=kind
    )
    assert answer.status_code in {400, 415}


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get", "X" * 500])
def test_other_methods_are_refused(world: World, method: str) -> None:
    for url in (
        "/api/v1/reports/",
        f"/api/v1/reports/{world.report.pk}/",
        "/api/v1/users/me/",
        "/metrics",
        "/livez",
    ):
        answer = world.clients["owner"].generic(method, url)
        assert answer.status_code in {200, 405, 403, 404}
        assert (answer.status_code == 200) <= (method == "get")


def test_the_table_of_routes_is_the_one_of_the_matrix() -> None:
    from config.urls import api_v1

    assert set(LISTS) <= set(routes(api_v1))
