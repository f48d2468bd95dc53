"""Compute the standings from the reputation ledger, one period after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.conf import settings

from jobs.ledger.database import execute, fetch
from reports.models import LeaderboardPeriod

# Points belong to the area of the report that gave them. Those that no report gave, and those of a
# report outside of every area, count for the whole city alone.
_UPDATE = """
WITH began AS (
    SELECT CASE WHEN %(period)s = 'all' THEN '-infinity'::timestamptz
        ELSE date_trunc(nullif(%(period)s, 'all'), statement_timestamp(), %(zone)s) END AS at
), entry AS (
    SELECT user_id, points, created_at,
        CASE WHEN event_key ~ '^report:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:'
            THEN split_part(event_key, ':', 2)::uuid END AS report_id
    FROM accounts_reputationentry WHERE created_at >= (SELECT at FROM began)
), fresh AS MATERIALIZED (
    SELECT area_id, user_id, sum(points) AS points,
        max(entry.created_at) FILTER (WHERE points > 0) AS reached_at
    FROM entry
    LEFT JOIN reports_report AS report ON report.id = entry.report_id
    LEFT JOIN reports_cellarea AS cell ON cell.cell = report.cell
    GROUP BY GROUPING SETS ((user_id), (area_id, user_id))
    HAVING sum(points) > 0 AND (GROUPING(area_id) = 1 OR area_id IS NOT NULL)
), gone AS (
    DELETE FROM reports_leaderboardstanding AS stored
    WHERE period = %(period)s AND NOT EXISTS (
        SELECT FROM fresh WHERE fresh.user_id = stored.user_id
            AND coalesce(fresh.area_id, 0) = coalesce(stored.area_id, 0)
    )
)
INSERT INTO reports_leaderboardstanding (period, area_id, user_id, points, reached_at)
SELECT %(period)s, area_id, user_id, points, reached_at FROM fresh
ON CONFLICT (period, area_id, user_id) DO UPDATE
SET points = excluded.points, reached_at = excluded.reached_at
WHERE (reports_leaderboardstanding.points, reports_leaderboardstanding.reached_at)
    IS DISTINCT FROM (excluded.points, excluded.reached_at)
"""
_COUNTS = """
SELECT area_id, count(*), sum(points)::bigint FROM reports_leaderboardstanding
WHERE period = %s GROUP BY area_id ORDER BY area_id NULLS FIRST
"""


def prepare(period: LeaderboardPeriod) -> Callable[[], int]:
    """Return the function that writes the standings of a period and returns how many it wrote.

    With Spark they are computed here, before any transaction; otherwise by the one statement that
    writes them.
    """
    if settings.USE_SPARK:
        from reports.leaderboard import spark  # noqa: PLC0415 - an extra

        return partial(spark.write, period, spark.compute(period))
    return partial(execute, _UPDATE, {"period": period.value, "zone": settings.TIME_ZONE})


def counts(period: LeaderboardPeriod) -> list[tuple[int | None, int, int]]:
    """Return each area's id (None is the whole city), its citizens and their points."""
    return [(area, citizens, points) for area, citizens, points in fetch(_COUNTS, (period.value,))]
