"""The dates that would have been forecast for the reports of `past` when they came.

They are learned from the reports before those alone, so that their calibration is an honest one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from jobs.ledger.database import fetch
from reports.dates import history
from reports.dates.cases import Cases, on_the_wall
from reports.dates.learning import CASES_MAXIMUM, CATEGORY_DONE_MINIMUM
from reports.dates.model import Model
from reports.demo import past
from reports.models import DateForecast

_PAST = f"""
SELECT {history.COLUMNS}, report.id, report.version, report.created_at
FROM {history.FROM_REPORTS} WHERE source = %(source)s AND category_id IS NOT NULL
"""  # noqa: S608 - parts of `history` only
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the clock on the wall has no time zone


def load() -> int:
    """Store a forecast for each report of `past` with a category, unless there are any.

    Return how many.
    """
    if DateForecast.objects.exists():
        return 0
    rows = fetch(_PAST, {**history.parameters(), "source": past.SOURCE})
    known, names = history.sample(CASES_MAXIMUM)
    is_holiday = history.holidays()
    model = Model.learn(_before_the_past(known), names, is_holiday)
    cases = history.cases_of(rows, names)
    ranges = model.ranges(cases, model.done_by(cases, is_holiday))
    is_known = model.counts[cases.category] >= CATEGORY_DONE_MINIMUM
    moments = np.stack([ranges.earliest, ranges.likely, ranges.latest], axis=1)
    forecasts = [
        _forecast(row, moments[number].tolist())
        for number, row in enumerate(rows)
        if is_known[number]
    ]
    return len(DateForecast.objects.bulk_create(forecasts))


def _before_the_past(cases: Cases) -> Cases:
    """Return the cases that had come when `past` begins, as they were known then."""
    begin = on_the_wall(timezone.localtime() - timedelta(days=past.DAYS))
    known = cases[cases.created < begin]
    return replace(
        known, ended=np.minimum(known.ended, begin), is_done=known.is_done & (known.ended <= begin)
    )


def _forecast(row: tuple[Any, ...], moments: list[float]) -> DateForecast:
    """Return the forecast of a row of `_PAST`, as if it was made a minute after the arrival."""
    report_id, version, created_at = row[history.COLUMN_COUNT :]
    earliest, likely, latest = map(_moment, moments)
    return DateForecast(
        report_id=report_id,
        report_version=version,
        model_version=0,
        earliest_at=earliest,
        likely_at=likely,
        latest_at=latest,
        first_earliest_at=earliest,
        first_likely_at=likely,
        first_latest_at=latest,
        first_at=created_at + timedelta(minutes=1),
    )


def _moment(on_the_wall: float) -> datetime:
    return timezone.make_aware(_EPOCH + timedelta(seconds=on_the_wall))
