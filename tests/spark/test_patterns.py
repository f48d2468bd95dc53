"""Patterns that are counted by Spark are those that PostgreSQL counts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from jobs.models import JobResult
from jobs.testing import run_tasks
from reports.models import PatternFinding, Status
from reports.patterns.actors import find_patterns
from tests.reports.factories import make_category
from tests.reports.test_patterns import BEGIN, QUICK, add, crowd, scattered

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.django_db


def search(**payload: Any) -> tuple[str, list[Any]]:
    """Carry out a search; return the digest of its result and its findings."""
    with transaction.atomic():
        message = find_patterns.send(**QUICK | payload)
    run_tasks()
    kept = JobResult.objects.get(pk=message.message_id)
    assert not kept.is_partial
    rows = PatternFinding.objects.filter(result=kept).order_by("number")
    return kept.digest, list(
        rows.values("kind", "category", "number", "reports", "p_value", "facts")
    )


@pytest.mark.parametrize("more", [{}, {"bbox": [-73.0, 41.2, -72.8, 41.4], "category": "pothole"}])
def test_both_ways_find_the_same(
    with_spark: SparkSession, settings: Settings, more: dict[str, Any]
) -> None:
    settings.TIME_ZONE = "America/New_York"
    hole, lamp = make_category("pothole"), make_category("lamp")
    add(hole, scattered(1) + crowd())
    add(lamp, scattered(2))
    add(None, scattered(3, 40))
    returning = [(41.3101, -72.9, day) for day in (10.0, 60.0, 110.0, 160.0)]
    add(hole, returning, status=Status.CLOSED, closed_at=BEGIN + timedelta(days=12))
    by_spark = search(**more)
    settings.USE_SPARK = False
    assert by_spark == search(**more)
    assert by_spark[1], "there is a crowd at least"
