"""Exports of the desk's lists: what they hold, what they never hold, and that they are recorded."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEvent, User
from jobs.admin import exporting
from reports.models import Status
from tests.reports.desk import LIST, signed_in
from tests.reports.factories import make_department, make_report, make_staff, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in(make_staff(make_department()))


@pytest.fixture
def superuser() -> User:
    return make_user(is_staff=True, is_superuser=True)


def export(client: Client, form: str, query: str = "", page: str = LIST) -> str:
    answer: Any = client.get(f"{page}export/{form}/?{query}")
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content).decode()


def test_the_filtered_list_is_exported_without_contacts_and_formulas(client: Client) -> None:
    citizen = make_user(email="ada@example.org", name="Ada")
    make_report(title='=HYPERLINK("http://evil")', reporter=citizen, status=Status.NEW)
    make_report(title="Done", status=Status.CLOSED)
    make_report(title="Secret", department=make_department("parks"), status=Status.NEW)
    text = export(client, "csv", "status__exact=new&q=&p=1")
    [row] = csv.DictReader(io.StringIO(text))
    assert row["title"] == '\'=HYPERLINK("http://evil")'
    for hidden in ("ada@example.org", "Ada", citizen.phone, "Secret"):
        assert hidden not in text
    event = AuditEvent.objects.get(event="report.exported")
    assert event.data == {"form": "csv", "filters": ["p", "status__exact"]}


def test_a_report_has_its_place_in_geojson(client: Client) -> None:
    assert json.loads(export(client, "json")) == []
    report = make_report()
    [feature] = json.loads(export(client, "geojson"))["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [-72.9, 41.3]}
    assert feature["properties"]["id"] == str(report.pk)


def test_a_long_list_is_read_in_chunks(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(exporting, "CHUNK_ROWS", 2)
    ids = [str(make_report(title="Lamp").pk) for _ in range(5)]
    with django_assert_max_num_queries(20):
        rows = json.loads(export(client, "json", "q=lamp"))
    assert [row["id"] for row in rows] == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    ("address", "status"),
    [("xml/", 404), ("csv/?nothing__here=1", 400), ("csv/?reporter__phone=1", 400)],
)
def test_a_bad_export_is_refused(client: Client, address: str, status: int) -> None:
    assert client.get(f"{LIST}export/{address}").status_code == status
    assert not AuditEvent.objects.filter(event="report.exported").exists()


def test_only_superusers_export_people(client: Client, superuser: User) -> None:
    people = "/admin/accounts/user/"
    assert client.get(f"{people}export/csv/").status_code == 403
    assert signed_in(make_staff()).get(f"{LIST}export/csv/").status_code == 403
    chief = signed_in(superuser)
    text = export(chief, "csv", page=people)
    assert superuser.name in text
    assert superuser.phone not in text
    assert AuditEvent.objects.filter(event="user.exported", actor_id=superuser.pk).exists()
    assert 'href="export/csv/"' in chief.get(people).content.decode()
    for page in ("/admin/matching/opportunity/", "/admin/notifications/delivery/"):
        export(chief, "csv", page=page)
        assert 'href="export/json/"' in chief.get(page).content.decode()
