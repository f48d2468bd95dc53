"""The desk's page of authorities: the city's own boundary and its neighbours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from reports.models import Authority
from tests.reports.factories import make_department, make_staff, make_user, new_report
from tests.reports.test_boundary import CITY, EAST

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = "/admin/reports/authority/"
REPORTS = "/api/v1/reports/"


@pytest.fixture
def desk() -> Client:
    return signed_in(make_user(is_staff=True, is_superuser=True))


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.StaffBackend")
    return client


def form(document: Any, **fields: str) -> dict[str, str]:
    return {"name": "Eastport", "url": "", "polygons": json.dumps(document)} | fields


def test_a_boundary_drawn_at_the_desk_applies_at_once_and_is_audited(
    desk: Client, api: APIClient
) -> None:
    desk.post(f"{PAGES}add/", form(CITY, name="Elm Harbor", is_own="on"))
    desk.post(f"{PAGES}add/", form(EAST, url="https://eastport.example/report"))
    refused = api.post(REPORTS, new_report(latitude=41.3, longitude=-72.1))
    assert refused.json()["authority"]["url"] == "https://eastport.example/report"
    added = AuditEvent.objects.filter(event="authority.added").order_by("id")
    assert [event.data["changes"]["name"] for event in added] == [
        [None, "Elm Harbor"],
        [None, "Eastport"],
    ]
    listed = desk.get(PAGES).text
    assert "Eastport" in listed
    assert "<svg" in listed


def test_a_change_and_a_removal_apply_at_once_and_are_audited(desk: Client, api: APIClient) -> None:
    desk.post(f"{PAGES}add/", form(CITY, is_own="on"))
    city = Authority.objects.get()
    page = f"{PAGES}{city.pk}/change/"
    assert desk.post(page, form(EAST, is_own="on")).status_code == 302
    assert api.post(REPORTS, new_report(latitude=41.3, longitude=-72.9)).status_code == 400
    [edited] = AuditEvent.objects.filter(event="authority.edited")
    before, after = edited.data["changes"]["polygons"]
    assert "-73.5" in str(before)
    assert "-72.5" in str(after)
    city.refresh_from_db()
    assert edited.data["changes"].keys() == {"polygons", "updated_at"}
    desk.post(f"{PAGES}{city.pk}/delete/", {"post": "yes"})
    assert api.post(REPORTS, new_report(latitude=41.3, longitude=-72.9)).status_code == 201
    assert AuditEvent.objects.filter(event="authority.deleted").count() == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"polygons": "{"}, "Enter a valid JSON"),
        ({"polygons": '{"type": "Point", "coordinates": [1, 2]}'}, "Point"),
        ({"polygons": '{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}'}, "four positions"),
        ({"url": "javascript:alert(1)"}, "Enter a valid URL"),
        ({"url": "ftp://eastport.example"}, "Enter a valid URL"),
        ({"name": "\u202e"}, "required"),
        ({"name": "x" * 121}, "at most 120 characters"),
        ({"name": "Old"}, "already exists"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_stored(
    desk: Client, fields: dict[str, str], message: str
) -> None:
    Authority.objects.create(name="Old", is_own=False, polygons=EAST)
    answer = desk.post(f"{PAGES}add/", form(EAST) | fields)
    assert answer.status_code == 200
    assert message in answer.text
    assert Authority.objects.count() == 1


def test_staff_without_the_permission_are_kept_out() -> None:
    assert signed_in(make_staff(make_department())).get(PAGES).status_code == 403
