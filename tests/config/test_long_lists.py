"""The desk's lists of many rows: counted while few, estimated when many, never read whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jobs.admin import estimating
from jobs.admin.estimating import EstimatingPaginator
from reports.models import Report
from tests.accounts.factories import make_user
from tests.reports.factories import make_report

pytestmark = pytest.mark.django_db
LIST = "/admin/reports/report/"


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(
        make_user(is_staff=True, is_superuser=True), backend="accounts.backends.StaffBackend"
    )
    return client


def test_few_rows_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "COUNTED_MAXIMUM", 3)
    for _ in range(3):
        make_report()
    pages = EstimatingPaginator(Report.objects.order_by("pk"), 2)
    assert (pages.count, pages.num_pages, pages.is_estimated) == (3, 2, False)


def test_many_rows_are_estimated_without_reading_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "COUNTED_MAXIMUM", 3)
    for _ in range(7):
        make_report()
    monkeypatch.setattr(estimating, "estimate", lambda _rows: 123_456)
    pages = EstimatingPaginator(Report.objects.order_by("pk"), 2)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert (pages.count, pages.is_estimated) == (120_000, True)
    assert "LIMIT 4" in asked[0]["sql"]


def test_postgresql_estimates_by_its_statistics() -> None:
    for number in range(20):
        make_report(severity="high" if number < 5 else "medium")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE reports_report")
    assert estimating.estimate(Report.objects.all()) == 20
    assert estimating.estimate(Report.objects.filter(severity="high")) == 5


def test_the_list_says_about_how_many_there_are(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        make_report()
    assert "about" not in paginator_of(desk)
    monkeypatch.setattr(estimating, "COUNTED_MAXIMUM", 2)
    monkeypatch.setattr(estimating, "estimate", lambda _rows: 4711)
    assert "about 4,700 reports" in paginator_of(desk) or "about 4700 reports" in paginator_of(desk)


def paginator_of(desk: Client) -> str:
    page = desk.get(LIST).content.decode()
    text = page[page.index('<p class="paginator">') :]
    return " ".join(text[: text.index("</p>")].split())


def test_no_part_of_the_list_reads_every_report(desk: Client) -> None:
    for _ in range(3):
        make_report()
    with CaptureQueriesContext(connection) as asked:
        assert desk.get(LIST).status_code == 200
    assert len(asked) <= 20
    for query in asked:
        assert "DISTINCT" not in query["sql"], query["sql"]
        assert '"reports_category"."examples"' not in query["sql"], query["sql"]
        if "COUNT(*)" in query["sql"] and "reports_report" in query["sql"]:
            assert "LIMIT" in query["sql"], query["sql"]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("created=2024", {"old"}),
        ("created=1", {"own", "imported"}),
        ("created=30", {"own", "imported"}),
        ("created=1999", {"old", "own", "imported"}),
        ("created=x", {"old", "own", "imported"}),
        ("source=oldtown", {"imported"}),
        ("source=-", {"old", "own"}),
        ("source=none", set()),
    ],
)
def test_the_list_is_filtered_by_time_and_origin(
    desk: Client, query: str, titles: set[str]
) -> None:
    make_report(title="old", created_at=datetime(2024, 5, 1, tzinfo=UTC))
    make_report(title="own")
    make_report(title="imported", source="oldtown", external_id="1")
    answer: Any = desk.get(f"{LIST}?{query}")
    assert {report.title for report in answer.context["cl"].result_list} == titles
    page = answer.content.decode()
    assert "?created=2024" in page
    assert "source=oldtown" in page
