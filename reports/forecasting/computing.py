"""Forecast every series and store what is expected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from jobs.ledger.database import lock
from jobs.models import JobResult
from reports.forecasting import backtest
from reports.forecasting.series import Key, Series
from reports.models import Area, ArrivalForecast, Category

BATCH_ROWS = 2_000


def forecast(series: Series, begins_on: date) -> tuple[dict[str, Any], list[ArrivalForecast]]:
    """Return the summary of one kind of series, and a row for each of them and each day."""
    predicted = backtest.forecast(series.history)
    rows = [
        ArrivalForecast(
            day=begins_on + timedelta(days=number),
            category_id=category,
            area_id=area,
            expected=round(float(predicted.days[row, number]), 3),
            low=float(predicted.days_low[row, number]),
            high=float(predicted.days_high[row, number]),
        )
        for row, (category, area) in enumerate(series.keys)
        for number in range(predicted.days.shape[1])
    ]
    return _summary(series, predicted, begins_on), rows


def replace(rows: list[ArrivalForecast], kept: JobResult) -> None:
    """Store the rows in place of those of earlier runs; two runs at once wait for each other."""
    lock("forecast of arrivals")
    ArrivalForecast.objects.all().delete()
    for row in rows:
        row.result = kept
    ArrivalForecast.objects.bulk_create(rows, batch_size=BATCH_ROWS)


def _summary(series: Series, predicted: backtest.Forecast, begins_on: date) -> dict[str, Any]:
    return {
        "kind": series.kind,
        "series": len(series.keys),
        "method": predicted.method,
        "error": round(predicted.error, 4),
        "error_by_method": {name: round(error, 4) for name, error in predicted.errors.items()},
        "coverage": round(predicted.coverage, 4),
        "expected": list(_weeks(series, predicted, begins_on)),
    }


def _weeks(
    series: Series, predicted: backtest.Forecast, begins_on: date
) -> Iterator[dict[str, Any]]:
    """Yield what is expected of each series in each week; of pairs there would be too many."""
    if series.kind == "category and area":
        return
    names = _names(series.keys)
    for row, key in enumerate(series.keys):
        for week in range(predicted.weeks.shape[1]):
            yield {
                **names[key],
                "begins_on": (begins_on + timedelta(weeks=week)).isoformat(),
                "expected": round(float(predicted.weeks[row, week]), 2),
                "low": int(predicted.weeks_low[row, week]),
                "high": int(predicted.weeks_high[row, week]),
            }


def _names(keys: list[Key]) -> dict[Key, dict[str, str | None]]:
    categories = dict(Category.objects.values_list("pk", "slug"))
    areas = dict(Area.objects.values_list("pk", "name"))
    return {
        (category, area): {
            "category": categories.get(category) if category else None,
            "area": areas.get(area) if area else None,
        }
        for category, area in keys
    }
