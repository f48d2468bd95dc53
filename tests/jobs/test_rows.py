"""Rows that are stored and read by prepared statements: the same as through the ORM."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db.models.functions import Now

from jobs.ledger import rows
from jobs.ledger.database import fetch
from jobs.models import Queue, RateLimit
from notifications.models import Delivery
from reports.models import Category, Report, StatusChange
from reports.models.catalogue import CATEGORY_TEXTS
from tests.reports.factories import make_category, make_report, make_user

pytestmark = pytest.mark.django_db


def values_of(row: Report | Delivery | StatusChange) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_row_is_inserted_as_by_the_orm_and_knows_what_postgresql_filled_in() -> None:
    user, category = make_user(), make_category()
    report = Report(
        reporter=user,
        title="Hole — “deep”",
        latitude=41.3,
        longitude=-72.9,
        category=category,
        category_suggestions=[{"category": "pothole", "confidence": 0.5}],
        published_at=Now(),
    )
    assert rows.insert(report)
    assert report.published_at == report.created_at
    assert report.cell is not None
    stored = Report.objects.get(pk=report.pk)
    assert values_of(report) == values_of(stored)
    report.title = "Another"
    report.save(update_fields=["title"])  # it counts as stored
    assert Report.objects.get().title == "Another"


def test_a_row_with_a_counted_key_learns_its_key() -> None:
    report = make_report()
    line = StatusChange(report=report, to_status="new", fields=["a", "b"], before={"x": None})
    assert rows.insert(line)
    assert values_of(line) == values_of(StatusChange.objects.get(pk=line.pk))


def test_a_row_that_is_there_already_is_not_stored_where_conflicts_are_ignored() -> None:
    user = make_user()
    first, second = (
        Delivery(user=user, channel="email", template="x", event_key="same") for _ in range(2)
    )
    assert rows.insert(first, ignores_conflicts=True)
    assert not rows.insert(second, ignores_conflicts=True)
    assert Delivery.objects.get().pk == first.pk


def test_an_update_stores_the_named_fields_alone() -> None:
    report, category = make_report(), make_category("drain")
    report.title, report.category, report.address = "New", category, "not stored"
    report.latitude = 41.5
    rows.update(report, ["title", "category", "cell"])
    stored = Report.objects.get(pk=report.pk)
    assert (stored.title, stored.category, stored.address) == ("New", category, "")
    assert stored.cell == report.cell


def test_an_update_of_a_row_that_has_gone_is_an_error() -> None:
    report = make_report()
    report.pk = uuid4()
    with pytest.raises(Report.DoesNotExist):
        rows.update(report, ["title"])


def test_rows_are_selected_by_a_condition_in_its_order() -> None:
    for name in ("b", "a", "c"):
        Queue.objects.create(name=name)
    found = rows.select(Queue, "name < %s ORDER BY name", ("c",))
    assert [queue.name for queue in found] == ["a", "b"]
    assert rows.select(RateLimit, "key = %s", ("none",)) == []


def test_fields_that_were_left_out_are_read_when_they_are_needed() -> None:
    category = make_category("pothole", description="A hole in the road.")
    columns = rows.columns(Category, "reports_category", without=CATEGORY_TEXTS)
    [values] = fetch(f"SELECT {columns} FROM reports_category WHERE id = %s", (category.pk,))
    assert len(values) == rows.width(Category, without=CATEGORY_TEXTS)
    found = rows.loaded(Category, values, without=CATEGORY_TEXTS)
    assert found.get_deferred_fields() == set(CATEGORY_TEXTS)
    assert found.description == "A hole in the road."
