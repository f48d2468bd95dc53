"""Compute the standings with Apache Spark: the same rows as `computing` by one SQL statement."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

from jobs.ledger.database import execute, fetch
from reports.models import LeaderboardPeriod
from spark import session
from spark.tables import Query, read

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_BEGAN = """
SELECT coalesce((extract(epoch FROM date_trunc(nullif(%s, 'all'), statement_timestamp(), %s))
    * 1000000)::bigint, -9223372036854775808)
"""
ENTRIES = Query(
    """
    SELECT user_id::text AS user_id, points::bigint AS points,
        (extract(epoch FROM created_at) * 1000000)::bigint AS at,
        CASE WHEN event_key ~ '^report:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:'
            THEN split_part(event_key, ':', 2) END AS report_id
    FROM accounts_reputationentry
    """,
    {"user_id": "text", "points": "bigint", "at": "bigint", "report_id": "text"},
    key="at",
)
PLACES = Query(
    """
    SELECT report.id::text AS report_id, cell.area_id::bigint AS area_id,
        (extract(epoch FROM report.created_at) * 1000000)::bigint AS at
    FROM reports_report AS report JOIN reports_cellarea AS cell ON cell.cell = report.cell
    WHERE cell.area_id IS NOT NULL
    """,
    {"report_id": "text", "area_id": "bigint", "at": "bigint"},
    key="at",
)
#: Period, area, user, points, and when the user last gained points.
Row = tuple[str, int | None, str, int, datetime]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COPY = """
COPY reports_leaderboardstanding (period, area_id, user_id, points, reached_at) FROM STDIN
"""


def compute(period: LeaderboardPeriod) -> list[Row]:
    """Return the rows of the table of standings for a period."""
    with (
        session.session() as spark,
        read(spark, ENTRIES) as entries,
        read(spark, PLACES) as places,
    ):
        rows = standings(entries, places, since=_began(period)).toLocalIterator()
        return [_row(period, row) for row in rows]


def write(period: LeaderboardPeriod, rows: Iterable[Row]) -> int:
    """Put the rows in place of the period's standings; return how many there are."""
    execute("DELETE FROM reports_leaderboardstanding WHERE period = %s", (period.value,))
    count = 0
    with connection.cursor() as cursor, cursor.cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def standings(entries: DataFrame, places: DataFrame, *, since: int) -> DataFrame:
    """Return the points of each citizen, of the city (`area_id` null) and of each area.

    Args:
        entries: rows of `ENTRIES`.
        places: rows of `PLACES`.
        since: the beginning of the period, in microseconds since 1970.
    """
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    placed = entries.where(f.col("at") >= since).join(places.drop("at"), "report_id", "left")
    gained_at = f.max(f.when(f.col("points") > 0, f.col("at"))).alias("reached_at")
    points = f.sum("points").alias("points")
    of_city = placed.groupBy("user_id").agg(points, gained_at)
    of_areas = placed.where("area_id IS NOT NULL").groupBy("area_id", "user_id")
    everything = of_city.withColumn("area_id", f.lit(None).cast("bigint")).unionByName(
        of_areas.agg(points, gained_at)
    )
    return everything.where("points > 0").select("area_id", "user_id", "points", "reached_at")


def _began(period: LeaderboardPeriod) -> int:
    began: int = fetch(_BEGAN, (period.value, settings.TIME_ZONE))[0][0]
    return began


def _row(period: LeaderboardPeriod, row: Any) -> Row:
    reached_at = EPOCH + timedelta(microseconds=row["reached_at"])
    return period.value, row["area_id"], row["user_id"], row["points"], reached_at
