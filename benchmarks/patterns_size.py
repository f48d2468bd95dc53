"""One size of the benchmark of patterns, in a process of its own: `python -m
benchmarks.patterns_size ROWS`.

The reports are of five years and thirty square kilometres. Places, categories and weekdays are
uneven, but nothing crowds beyond that, except for CROWDS groups of CROWD_REPORTS. Prints one JSON
object of figures.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.reports_size import without_indexes  # noqa: E402
from reports.demo.texts import REPORTS  # noqa: E402
from reports.models import Category  # noqa: E402
from reports.patterns import searching  # noqa: E402
from reports.patterns.counting import StoredReports  # noqa: E402
from reports.patterns.findings import CROWD, Row  # noqa: E402
from reports.patterns.search import Search  # noqa: E402

UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 5 * 365
CROWDS, CROWD_REPORTS, CROWD_DAYS = 20, 40, 4
COLUMNS = (
    "id, title, description, latitude, longitude, address, severity, category_id,"
    " category_source, department_id, sla_in_working_hours, status, published_at, is_live, source,"
    " created_at, updated_at, closed_at"
)
#: Weekends are quiet. A twentieth of the reports is open.
_FILL = f"""
    INSERT INTO reports_report ({COLUMNS})
    SELECT gen_random_uuid(), kind.title, kind.description,
        41.31 + random_normal(0, 0.025), -72.92 + random_normal(0, 0.03), '', 'medium',
        kind.category, 'staff', kind.department, false,
        CASE WHEN number %% 20 = 0 THEN 'triaged' ELSE 'closed' END, at, true, 'bench', at, at,
        CASE WHEN number %% 20 = 0 THEN NULL ELSE at + interval '5 days' END
    FROM (
        SELECT number, %(until)s - interval '1 day' * %(days)s * random() AS drawn,
            1 + floor(%(kinds)s * random() ^ 1.3)::int AS kind_number
        FROM generate_series(1, %(rows)s) AS number
    ) AS report
    CROSS JOIN LATERAL (
        SELECT CASE WHEN extract(isodow FROM drawn) > 5 AND number %% 2 = 0
            THEN drawn - interval '3 days' ELSE drawn END AS at
    ) AS moved
    JOIN unnest(
        %(titles)s::text[], %(descriptions)s::text[], %(categories)s::bigint[],
        %(departments)s::bigint[]
    ) WITH ORDINALITY AS kind (title, description, category, department, number_of)
        ON kind.number_of = kind_number
"""
_CROWD = f"""
    INSERT INTO reports_report ({COLUMNS})
    SELECT gen_random_uuid(), 'Crowd', 'A crowd.', %(latitude)s + (random() - 0.5) * 0.002,
        %(longitude)s + (random() - 0.5) * 0.002, '', 'medium', %(category)s, 'staff',
        %(department)s, false, 'triaged', at, true, 'bench', at, at, NULL
    FROM generate_series(1, %(count)s) AS number
    CROSS JOIN LATERAL (
        SELECT %(at)s + interval '1 day' * %(days)s * random() AS at, number
    ) AS drawn
"""


def main() -> None:
    print(json.dumps(measure(int(sys.argv[1]))))


def measure(rows: int) -> dict[str, float]:
    """Every figure among so many reports."""
    planted = _fill(rows)
    search = Search(since=UNTIL - timedelta(days=DAYS), until=UNTIL)
    source = StoredReports(search)
    before, began_at = _peak_mb(), time.perf_counter()
    course = searching.all_of(search, source)
    seconds, memory = time.perf_counter() - began_at, _peak_mb() - before
    standing = course.standing()
    crowds = [row for row in standing if row["kind"] == CROWD]
    hits = [crowd for crowd in planted if any(_is_there(crowd, row) for row in crowds)]
    false = [row for row in crowds if not any(_is_there(crowd, row) for crowd in planted)]
    again = searching.all_of(search, source).standing() if rows <= 100_000 else standing
    return {
        **{
            name: float(value)
            for name, value in course.result(standing).items()
            if _is_number(value)
        },
        "seconds": seconds,
        "seconds_per_million": seconds * 1_000_000 / max(rows, 1_000_000),
        "memory_growth_mb": memory,
        "planted_found_share": len(hits) / len(planted),
        "false_share": len(false) / max(len(crowds), 1),
        "same_seed_same_result": float(json.dumps(again) == json.dumps(standing)),
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _fill(rows: int) -> list[dict[str, Any]]:
    """So many reports in the table, and no others; return the crowds among them."""
    chance = random.Random(1)
    by_slug = {one.slug: one for one in Category.objects.all()}
    kinds = [(by_slug[slug], title, text) for slug, title, text in REPORTS if slug in by_slug]
    planted = [_planted(chance, [category for category, _, _ in kinds]) for _ in range(CROWDS)]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE reports_report CASCADE")
        cursor.execute("SELECT setseed(0.1)")
        with without_indexes(cursor):
            cursor.execute(
                _FILL,
                {
                    "until": UNTIL - timedelta(days=1),
                    "days": DAYS - 5,
                    "rows": rows,
                    "kinds": len(kinds),
                    "titles": [title for _, title, _ in kinds],
                    "descriptions": [text for _, _, text in kinds],
                    "categories": [category.pk for category, _, _ in kinds],
                    "departments": [category.department_id for category, _, _ in kinds],
                },
            )
            for crowd in planted:
                cursor.execute(_CROWD, crowd)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE reports_report")
    return planted


def _planted(chance: random.Random, categories: list[Category]) -> dict[str, Any]:
    category = chance.choice(categories)
    return {
        "latitude": 41.31 + chance.uniform(-0.03, 0.03),
        "longitude": -72.92 + chance.uniform(-0.03, 0.03),
        "at": UNTIL - timedelta(days=chance.uniform(20, DAYS - 40)),
        "days": CROWD_DAYS,
        "count": CROWD_REPORTS,
        "category": category.pk,
        "department": category.department_id,
    }


def _is_there(crowd: dict[str, Any], row: Row) -> bool:
    """Return whether a finding is about a planted crowd: its category, at its place and time."""
    west, south, east, north = row["box"]
    at: datetime = crowd["at"]
    margin = 0.001  # the crowd reaches so far around its middle
    return bool(
        row["category_id"] == crowd["category"]
        and south - margin <= crowd["latitude"] <= north + margin
        and west - margin <= crowd["longitude"] <= east + margin
        and row["first_day"] <= (at + timedelta(days=CROWD_DAYS)).date().isoformat()
        and row["last_day"] >= at.date().isoformat()
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    settings.DEBUG = False  # which would keep every statement
    main()
