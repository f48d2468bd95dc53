"""Keyset pagination over rows of which many have the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from django.test import RequestFactory
from rest_framework.request import Request
from rest_framework.views import APIView

from config.exceptions import InvalidCursor
from config.pagination import Cursor, KeysetPagination
from jobs.models import Task

START = datetime(2026, 5, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def make_tasks(count: int, *, created_at: datetime = START) -> list[Task]:
    return Task.objects.bulk_create(
        Task(actor="a", queue="default", run_at=START, publish_at=START, created_at=created_at)
        for _ in range(count)
    )


def page(url: str, view: APIView | None = None) -> dict[str, Any]:
    paginator = KeysetPagination()
    request = Request(RequestFactory().get(url))
    rows = paginator.paginate_queryset(Task.objects.all(), request, view)
    data: dict[str, Any] = paginator.get_paginated_response(rows).data
    return data


def walk(url: str | None, link: str = "next") -> list[list[Task]]:
    pages = []
    while url:
        found = page(url)
        pages.append(found["results"])
        url = found[link]
    return pages


def newest_first() -> list[Task]:
    return list(Task.objects.order_by("-created_at", "-id"))


def test_pages_hold_every_row_once_although_times_are_equal() -> None:
    make_tasks(25)
    make_tasks(5, created_at=START + timedelta(microseconds=1))
    pages = walk("/?page_size=7")
    assert [len(rows) for rows in pages] == [7, 7, 7, 7, 2]
    assert [row for rows in pages for row in rows] == newest_first()


def test_previous_links_lead_back_the_same_way() -> None:
    make_tasks(10)
    first = page("/?page_size=4")
    second = page(first["next"])
    third = page(second["next"])
    assert first["previous"] is None
    assert third["next"] is None
    back = page(third["previous"])
    assert back["results"] == second["results"]
    again = page(back["previous"])
    assert again["results"] == first["results"]
    assert again["previous"] is None
    assert page(again["next"])["results"] == second["results"]


def test_a_row_that_arrives_meanwhile_moves_no_page() -> None:
    make_tasks(10)
    first = page("/?page_size=5")
    make_tasks(3, created_at=START + timedelta(hours=1))
    assert not set(page(first["next"])["results"]) & set(first["results"])
    assert len(page(page(first["next"])["previous"])["results"]) == 5


def test_the_page_size_is_20_unless_asked_and_100_at_most() -> None:
    make_tasks(120)
    assert len(page("/")["results"]) == 20
    assert len(page("/?page_size=3")["results"]) == 3
    assert len(page("/?page_size=100")["results"]) == 100


def test_links_are_absolute_and_keep_the_other_parameters() -> None:
    make_tasks(3)
    link = page("/api/v1/x/?status=new&page_size=2")["next"]
    assert link.startswith("http://testserver/api/v1/x/?")
    assert "status=new" in link
    assert "page_size=2" in link


def test_an_empty_list_has_no_links() -> None:
    assert page("/") == {"next": None, "previous": None, "results": []}


def test_a_view_may_order_otherwise() -> None:
    make_tasks(5)
    view = APIView()
    view.ordering = ("id",)  # type: ignore[attr-defined]
    first = page("/?page_size=3", view)
    second = page(first["next"], view)
    assert first["results"] + second["results"] == list(Task.objects.order_by("id"))


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense", "%00", "e30", "W10", "WzBd", "é", "=", "A" * 5000,
        Cursor(("yesterday", "1")).encode(),
        Cursor((START.isoformat(), "not a uuid")).encode(),
        Cursor((START.isoformat(),)).encode(),
        Cursor(("9" * 300, "9" * 300)).encode(),
        Cursor(("9999-12-31T23:59:59-23:59", str(UUID(int=1)))).encode(),
        Cursor(("0001-01-01T00:00:00+23:59", str(UUID(int=1)))).encode(),
        Cursor(("0001-01-01T00:00:00", str(UUID(int=1)))).encode(),
    ],
)  # fmt: skip
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        page(f"/?cursor={cursor}")


def test_the_offset_of_a_time_does_not_matter() -> None:
    make_tasks(2)
    later = START.astimezone(timezone(timedelta(hours=-23, minutes=-59))) + timedelta(seconds=1)
    assert (
        len(page(f"/?cursor={Cursor((later.isoformat(), str(UUID(int=1)))).encode()}")["results"])
        == 2
    )


@pytest.mark.parametrize(
    "size", ["0", "-1", "abc", "1.5", "", "00", "٣", " 5", "1_0", "101", "100000", "9" * 30]
)
def test_a_bad_page_size_is_refused(size: str) -> None:
    from rest_framework.exceptions import ValidationError

    with pytest.raises(ValidationError):
        page(f"/?page_size={size}")


def test_a_deep_page_is_one_query_on_the_key(django_assert_num_queries: Any) -> None:
    make_tasks(30)
    url = page(page("/?page_size=10")["next"])["next"]
    with django_assert_num_queries(1) as queries:
        page(url)
    sql = queries.captured_queries[0]["sql"]
    assert "OFFSET" not in sql
    assert '("jobs_task"."created_at", "jobs_task"."id") < ' in sql
