"""The leaderboard computed by Spark is the leaderboard computed by PostgreSQL."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import ReputationEntry
from reports.figures import cells
from reports.leaderboard import computing
from reports.models import Area, LeaderboardPeriod, LeaderboardStanding
from tests.accounts.factories import make_user
from tests.reports.factories import make_report

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.django_db


def make_history() -> None:
    """Points of years, gained and lost, in an area, outside of it and without a report."""
    dice = random.Random(5)
    ring = [[-73, 41.2], [-72.8, 41.2], [-72.8, 41.4], [-73, 41.4], [-73, 41.2]]
    Area.objects.create(name="North", polygons={"type": "Polygon", "coordinates": [ring]})
    users = [make_user() for _ in range(7)]
    reports = [make_report(latitude=place, longitude=-72.9) for place in (41.3, 41.39, 41.6)]
    ReputationEntry.objects.bulk_create(
        ReputationEntry(
            user=dice.choice(users),
            points=dice.choice([5, 5, 10, -10]),
            event_key=dice.choice([f"report:{r.pk}:{i}" for r in reports] + [f"other:{i}"]),
            reason="test",
            created_at=timezone.now() - timedelta(days=dice.expovariate(1 / 60)),
        )
        for i in range(400)
    )
    cells.assign()


def standings() -> list[tuple[Any, ...]]:
    rows = LeaderboardStanding.objects.order_by("period", "area_id", "user_id")
    return list(rows.values_list("period", "area_id", "user_id", "points", "reached_at"))


def test_both_ways_give_the_same_rows(with_spark: SparkSession, settings: Settings) -> None:
    make_history()
    for period in LeaderboardPeriod:
        assert computing.prepare(period)() >= 0
    by_spark = standings()
    settings.USE_SPARK = False
    LeaderboardStanding.objects.all().delete()
    for period in LeaderboardPeriod:
        computing.prepare(period)()
    assert by_spark == standings()
    assert len(by_spark) > 20


def test_a_city_without_points_has_no_standings(with_spark: SparkSession) -> None:
    assert computing.prepare(LeaderboardPeriod.ALL)() == 0
