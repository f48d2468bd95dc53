"""How well the dates that were forecast for reports came true."""

from __future__ import annotations

from typing import Any

from jobs.ledger.database import fetch
from reports.models import Category

#: The share that is to be done within the range.
AIM = 0.8

# Only forecasts that were made when the report came; `is_city` 1 is the row of the whole city.
_KEPT = """
SELECT grouping(category_id) AS is_city, category_id, count(*),
    count(*) FILTER (WHERE closed_at BETWEEN first_earliest_at
        AND coalesce(first_latest_at, 'infinity')),
    percentile_cont(0.5) WITHIN GROUP (
        ORDER BY abs(extract(epoch FROM closed_at - first_likely_at))::float
    )
FROM reports_report JOIN reports_dateforecast ON report_id = id
WHERE status IN ('resolved', 'closed')
    AND closed_at > statement_timestamp() - %(days)s * interval '1 day'
    AND first_likely_at IS NOT NULL AND first_at <= created_at + interval '1 hour'
GROUP BY GROUPING SETS ((), (category_id))
"""
# A report that is open beyond its range missed it already, however long it will still take.
_OPEN = """
SELECT count(*) FILTER (WHERE likely_at IS NOT NULL),
    count(*) FILTER (WHERE first_latest_at < statement_timestamp()
        AND first_at <= created_at + interval '1 hour')
FROM reports_report JOIN reports_dateforecast ON report_id = id
WHERE status = ANY(%(open)s)
"""


def compute(*, days: int, statuses: list[str]) -> dict[str, Any]:
    """Return how many reports done in the last days were done within their range.

    `statuses` are those of open reports.
    """
    kept = fetch(_KEPT, {"days": days})
    [(forecast_open, missed_open)] = fetch(_OPEN, {"open": statuses})
    city = next((row for row in kept if row[0]), (1, None, 0, 0, None))
    names = {category.pk: category for category in Category.objects.only("slug", "name")}
    by_category = sorted(
        (row for row in kept if not row[0] and row[1]), key=lambda row: (-row[2], row[1])
    )
    return {
        **_figures(city),
        "aim": AIM,
        "open_with_forecast": forecast_open,
        "open_past_range": missed_open,
        "by_category": [
            {"category": names[row[1]].slug, "name": names[row[1]].name, **_figures(row)}
            for row in by_category
        ],
    }


def _figures(row: tuple[Any, ...]) -> dict[str, Any]:
    _, _, done, in_range, error = row
    return {
        "done": done,
        "in_range": round(in_range / done, 4) if done else None,
        "median_error_hours": None if error is None else round(error / 3600, 2),
    }
