"""The desk's map: which reports its answers hold, and how they are counted."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from config import map_tiles
from desk.map import clusters
from reports.models import Status
from tests.reports.desk import signed_in
from tests.reports.dispatching import make_plan
from tests.reports.factories import (
    make_area,
    make_department,
    make_finding,
    make_report,
    make_staff,
)

pytestmark = pytest.mark.django_db

AROUND = "-73,41,-72.5,41.5"


@pytest.fixture
def clerk() -> User:
    return make_staff(make_department())


@pytest.fixture
def client(clerk: User) -> Client:
    return signed_in(clerk)


def reports_in(client: Client, **query: str) -> Any:
    """Return what the map shows of the box AROUND."""
    answer = client.get("/admin/map/reports/", {"bbox": AROUND, "zoom": "12"} | query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def make_many(number: int, latitude: float, **fields: Any) -> None:
    for _ in range(number):
        make_report(latitude=latitude, **fields)


def test_few_reports_are_shown_one_by_one_with_their_state(client: Client) -> None:
    late = make_report(title="Late", due_at=timezone.now() - timedelta(hours=1))
    make_report(title="Elsewhere", latitude=10)
    answer = reports_in(client)
    [shown] = answer["reports"]
    assert (shown["id"], shown["title"], shown["is_overdue"]) == (str(late.pk), "Late", True)
    assert shown["url"] == f"/admin/reports/report/{late.pk}/change/"
    assert (answer["total"], answer["overdue"], answer["clusters"]) == (1, 1, [])


def test_clusters_add_up_to_the_reports_of_the_box(client: Client) -> None:
    make_many(30, 41.3)
    make_many(15, 41.2, due_at=timezone.now() - timedelta(hours=1))
    lonely = make_report(latitude=41.1)
    answer = reports_in(client)
    assert (answer["total"], answer["overdue"], answer["is_capped"]) == (46, 15, False)
    assert sorted(one["count"] for one in answer["clusters"]) == [15, 30]
    assert [one["id"] for one in answer["reports"]] == [str(lonely.pk)]
    for one in answer["clusters"]:
        west, south, east, north = one["box"]
        assert west <= one["longitude"] <= east
        assert south <= one["latitude"] <= north


def test_an_answer_counts_and_reads_its_reports_once_however_many(client: Client) -> None:
    for _ in range(2):
        make_report()
        with CaptureQueriesContext(connection) as statements:
            reports_in(client)
        place = '"reports_report"."latitude"'
        of_reports = [one["sql"] for one in statements if place in one["sql"]]
        assert len(of_reports) == 2
        assert not any("description" in sql for sql in of_reports)


def test_of_too_many_reports_the_newest_are_counted(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "COUNTED_MAXIMUM", 2)
    ages = [timedelta(days=days) for days in (3, 1, 2)]
    shown = [make_report(created_at=timezone.now() - age) for age in ages]
    answer = reports_in(client)
    assert (answer["total"], answer["is_capped"]) == (2, True)
    assert ids(answer) == [str(shown[1].pk), str(shown[2].pk)]


def test_no_answer_holds_a_report_of_another_department(client: Client) -> None:
    own = make_report()
    other = make_report(title="Secret", department=make_department("parks"))
    assert [one["id"] for one in reports_in(client)["reports"]] == [str(own.pk)]
    assert client.get(f"/admin/map/around/{other.pk}/").status_code == 404
    around = client.get(f"/admin/map/around/{own.pk}/").json()
    assert [one["id"] for one in around["reports"]] == [str(own.pk)]
    page = client.get("/admin/map/?state=open").content.decode()
    assert "Secret" not in page


def test_the_filters_are_those_of_the_list(client: Client) -> None:
    new = make_report(status=Status.NEW, title="Broken lamp")
    done = make_report(status=Status.CLOSED, title="Old bench")
    make_report(title="Loose stone", created_at=timezone.now() - timedelta(days=3))
    for query, expected in [
        ({"state": "done"}, [done]),
        ({"status__exact": "new"}, [new]),
        ({"q": "lamp"}, [new]),
        ({"created": "24h"}, [done, new]),
    ]:
        assert ids(reports_in(client, **query)) == [str(one.pk) for one in expected]


def test_a_filter_offers_no_value_that_would_choose_all(client: Client) -> None:
    page = client.get("/admin/map/?state=open").content.decode()
    assert '<option value="open" selected>' in page
    assert '<option value="" selected>' not in page


def ids(answer: Any) -> list[str]:
    return [one["id"] for one in answer["reports"]]


@pytest.mark.parametrize(
    "query",
    [
        "zoom=12",
        "bbox=1,2,3&zoom=12",
        f"bbox={AROUND}&zoom=near",
        f"bbox={AROUND}&zoom=1&status__exact=%00",
        f"bbox={AROUND}&zoom=1&nothing=1",
        f"bbox={AROUND}&zoom=1&reporter__phone=1",
    ],
)
def test_a_bad_query_is_refused(client: Client, query: str) -> None:
    assert client.get(f"/admin/map/reports/?{query}").status_code == 400


def test_the_same_answer_is_not_sent_twice(client: Client) -> None:
    address = f"/admin/map/reports/?bbox={AROUND}&zoom=12"
    etag = client.get(address)["ETag"]
    again = client.get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    make_report()
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 200


def test_only_staff_of_departments_see_the_map() -> None:
    for address in ("/admin/map/?state=open", "/admin/map/reports/?bbox=1,1,2,2&zoom=1"):
        assert Client().get(address).status_code == 302
        assert signed_in(make_staff()).get(address).status_code == 403


def test_pages_take_few_statements(client: Client, django_assert_max_num_queries: Any) -> None:
    client.get("/admin/map/background/")
    with django_assert_max_num_queries(20):
        client.get("/admin/map/?state=open")
    with django_assert_max_num_queries(15):
        reports_in(client)


def test_the_city_is_drawn_from_its_areas(client: Client) -> None:
    make_area("North")
    [feature] = client.get("/admin/map/background/").json()["features"]
    assert feature["properties"]["name"] == "North"
    assert feature["geometry"]["type"] == "Polygon"
    assert client.get("/admin/map/streets/2436/3069/").json()["features"] == []


def test_tiles_are_loaded_only_from_the_server_that_the_settings_name(
    client: Client, settings: LazySettings
) -> None:
    policy = client.get("/admin/map/?state=open")["Content-Security-Policy"]
    assert "img-src 'self' data:;" in policy
    settings.MAP_TILES_URL = "https://{s}.tiles.example:8080/{z}/{x}/{y}.png"
    settings.MAP_TILES_ORIGIN = map_tiles.origin(settings.MAP_TILES_URL, "© Example")
    answer = client.get("/admin/map/?state=open")
    assert "img-src 'self' data: https://*.tiles.example:8080;" in answer["Content-Security-Policy"]
    assert "https://{s}.tiles.example:8080" in answer.content.decode()
    assert "tiles.example" not in Client().get("/livez")["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("url", "attribution", "reason"),
    [
        ("https://tiles.example/{z}/{x}.png", "©", "has no {y}"),
        ("https://tiles.example/{z}/{x}/{y}.png", "", "MAP_TILES_ATTRIBUTION"),
        ("tiles.example/{z}/{x}/{y}.png", "©", "no address"),
        ("https://a.example; script-src *\\{z}{x}{y}", "©", "no address"),
    ],
)
def test_tiles_that_cannot_be_used_stop_the_start(url: str, attribution: str, reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape(reason)):
        map_tiles.origin(url, attribution)


def test_patterns_and_routes_are_layers(client: Client) -> None:
    make_report()
    finding = make_finding()
    plan = make_plan(department=make_department())
    page = client.get("/admin/map/?state=open").content.decode()
    assert f"/admin/reports/dispatchplan/{plan.pk}/geojson/" in page
    [circle] = client.get("/admin/map/patterns/").json()["features"]
    assert circle["geometry"]["coordinates"] == [-72.9, 41.3]
    assert circle["properties"]["radius"] == 1113
    assert str(finding.pk) in circle["properties"]["url"]
    stranger = signed_in(make_staff(make_department("parks")))
    assert str(plan.pk) not in stranger.get("/admin/map/?state=open").content.decode()
    assert signed_in(make_staff()).get("/admin/map/patterns/").status_code == 403
