"""The city's figures for staff: the numbers of the public API, as tables and as files."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from reports.figures import refreshing
from tests.accounts.factories import make_user
from tests.reports.factories import make_category, make_department, make_report

pytestmark = pytest.mark.django_db
PAGE = "/admin/city/"


@pytest.fixture
def clerk() -> Client:
    """A member of staff without any permission: all figures are public."""
    client = Client()
    client.force_login(make_user(is_staff=True), backend="accounts.backends.StaffBackend")
    return client


@pytest.fixture
def figures() -> dict[str, Any]:
    parks = make_department(name="=Parks", slug="parks")
    trees = make_category(name="Trees", slug="trees", department=parks)
    for day in (1, 1, 2):
        make_report(category=trees, department=parks, created_at=datetime(2026, 5, day, tzinfo=UTC))
    make_report()
    refreshing.refresh()
    answer: dict[str, Any] = APIClient().get("/api/v1/dashboard/").json()
    return answer


def exported(client: Client, key: str, **query: str) -> list[dict[str, str]]:
    answer = client.get(PAGE, {"export": key, "as": "csv", **query})
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith(f'attachment; filename="city-{key}-')
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_the_tables_have_the_numbers_of_the_api(clerk: Client, figures: dict[str, Any]) -> None:
    page = clerk.get(PAGE)
    assert page.status_code == 200
    assert "Time to the repair" in page.content.decode()
    shown = {one["Category"]: int(one["All"]) for one in exported(clerk, "category")}
    assert shown == {one["name"] or "No category": one["total"] for one in figures["by_category"]}
    rows = exported(clerk, "open")
    assert {(one["Department"], int(one["Open"])) for one in rows} == {
        ("'" + one["name"] if one["name"] == "=Parks" else one["name"], one["open"])
        for one in figures["by_department"]
    }, "and no name is a formula in a spreadsheet"
    assert clerk.get(PAGE, {"export": "status", "as": "json"}).json()


def test_filters_choose_the_period_and_the_department(
    clerk: Client, figures: dict[str, Any]
) -> None:
    span = {"since": "2026-05-01", "until": "2026-05-03", "department": "parks"}
    rows = exported(clerk, "volumes", **span)
    assert [(one["From"], one["Received"]) for one in rows] == [
        ("2026-05-01", "2"),
        ("2026-05-02", "1"),
        ("2026-05-03", "0"),
    ]
    assert [one["Department"] for one in exported(clerk, "open", department="parks")] == ["'=Parks"]


@pytest.mark.parametrize(
    "query",
    ["since=x", "since=2026-05-02&until=2026-05-01", "area=99", "department=none", "interval=era"],
)
def test_a_wrong_filter_is_named(clerk: Client, query: str) -> None:
    answer = clerk.get(f"{PAGE}?{query}")
    assert answer.status_code == 400
    assert "errornote" in answer.content.decode()


def test_the_page_is_for_staff_and_takes_few_statements(
    clerk: Client, figures: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20):
        assert len(clerk.get(PAGE).content) < 150_000
    assert clerk.get(PAGE, {"export": "none"}).status_code == 404
    assert clerk.get(PAGE, {"export": "status", "as": "xml"}).status_code == 404
    assert Client().get(PAGE).status_code == 302
