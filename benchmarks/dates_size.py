"""Learning and recomputing dates in PostgreSQL: `python -m benchmarks.dates_size DONE OPEN`.

The reports are like those of a city in which each category takes its time and works one report off
after the other. Prints one JSON object of figures.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402

from reports.dates import history, learning, recomputing  # noqa: E402
from reports.models import DateForecast, DateModel, Report  # noqa: E402

Figures = dict[str, float]

ROW_BY_ROW = 300
_FILL = """
INSERT INTO reports_report (id, title, description, latitude, longitude, cell, severity,
    category_id, department_id, status, source, is_live, created_at, updated_at, closed_at,
    category_source, address)
SELECT gen_random_uuid(), 'Lamp ' || number, '', 41.2 + (number * 7919 %% 2000) / 10000.0,
    -73.0 + (number * 104729 %% 2000) / 10000.0, number %% 500, 'medium',
    kind.id, kind.department_id, %(status)s, %(source)s, FALSE, created.at, created.at,
    CASE WHEN %(status)s = 'closed' THEN created.at + (1 + number %% 9 + kind.place %% 20)
        * interval '1 day' * (0.5 + random()) END,
    '', ''
FROM generate_series(1, %(rows)s::bigint) AS number
JOIN (
    SELECT id, department_id, row_number() OVER (ORDER BY id) AS place,
        count(*) OVER () AS kinds
    FROM reports_category
) AS kind ON kind.place = number %% kind.kinds + 1
CROSS JOIN LATERAL (
    SELECT now() - (%(days)s * number / %(rows)s + %(since)s) * interval '1 day' AS at
) AS created
"""
_PLAIN_UPDATE = """
UPDATE reports_dateforecast SET likely_at = likely_at + interval '1 hour',
    changed_at = statement_timestamp()
"""


def main() -> None:
    done, still_open = int(sys.argv[1]), int(sys.argv[2])
    print(json.dumps(measure(done, still_open)))


def measure(done: int, still_open: int) -> Figures:
    """Fill the tables, then learn once and compute the dates of all open reports three times."""
    _fill(rows=done, status="closed", source="bench-done", days=500, since=40)
    _fill(rows=still_open, status="triaged", source="bench-open", days=40, since=0)
    reading = _seconds(lambda: history.sample(learning.CASES_MAXIMUM))
    learned = _seconds(learning.learn)
    first = _seconds(_recompute)
    missing = Report.objects.filter(source="bench-open", date_forecast=None).count()
    unchanged = _seconds(_recompute)
    DateForecast.objects.update(report_version=0)  # so that every row is written again
    rewritten = _seconds(_recompute)
    plain = _seconds(_update)
    one = _seconds(_row_by_row) / ROW_BY_ROW
    quick = _seconds(lambda: recomputing.recompute(transaction.atomic))
    return {
        "history": DateModel.objects.latest("pk").cases,
        "learning_s": learned,
        "learning_to_reading": learned / reading,
        "open": still_open,
        "first_computation_s": first,
        "recomputation_s": unchanged,
        "recomputation_all_changed_s": rewritten,
        "round_without_changes_s": quick,
        "recomputation_to_plain_update": unchanged / plain,
        "row_by_row_to_recomputation": one * still_open / unchanged,
        "forecasts_missing": missing,
    }


def _fill(*, rows: int, status: str, source: str, days: int, since: int) -> None:
    parameters: dict[str, int | str] = {
        "rows": rows, "status": status, "source": source, "days": days, "since": since,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM reports_report WHERE source = %s", [source])
        cursor.execute(_FILL, parameters)
        cursor.execute("ANALYZE reports_report")


def _recompute() -> None:
    DateModel.objects.update(recomputed_at=None)
    recomputing.recompute(transaction.atomic)


def _update() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PLAIN_UPDATE)


def _row_by_row() -> None:
    """Compute and save some forecasts one after the other, as a loop would."""
    forecaster = recomputing.forecaster_of_today()
    assert forecaster is not None
    last: UUID | None = recomputing.BEFORE_ALL
    for _ in range(ROW_BY_ROW):
        assert last is not None
        with transaction.atomic():
            last = recomputing.compute_batch(forecaster, last, is_whole=True, limit=1).last


def _seconds(action: Callable[[], object]) -> float:
    began_at = time.monotonic()
    action()
    return time.monotonic() - began_at


if __name__ == "__main__":
    main()
