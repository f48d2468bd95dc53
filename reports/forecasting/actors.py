"""The task that forecasts arrivals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from rest_framework.permissions import IsAdminUser

import jobs
from jobs.models import JobResult
from jobs.results.sharing import with_staff
from reports.forecasting import backtest, computing, series
from reports.forecasting.serializers import (
    ExpectedWeekSerializer,
    ForecastPayloadSerializer,
    ForecastSerializer,
)


def _rows(kept: JobResult) -> Iterable[dict[str, Any]]:
    """Yield the weeks with their fields in order, which a stored result does not keep."""
    names = list(ExpectedWeekSerializer().fields)
    for kind in kept.result["kinds"]:
        yield from ({name: week[name] for name in names} for week in kind["expected"])


@jobs.job_type(
    "forecast",
    payload=ForecastPayloadSerializer,
    result=ForecastSerializer,
    permission=IsAdminUser,
    rows=_rows,
    shared_with=with_staff,
)
# The next night computes everything anew.
@jobs.actor(queue_name="analytics", kind="long", outlasts=timedelta(seconds=1))
def forecast_arrivals(*, history_days: int) -> dict[str, Any]:
    """Forecast how many reports will arrive in the next four weeks, by category and area.

    With intervals that hold four weeks of five, by the simplest method that wins a rolling
    backtest. A killed run computes everything again, which takes seconds.
    """
    task, begins_on = jobs.current_task(), series.today()
    known = series.read(begins_on, history_days)
    days = known[0].history.shape[1] if known else 0
    summaries, rows = [], []
    for number, one in enumerate(known if days >= backtest.needed_days() else []):
        summary, expected = computing.forecast(one, begins_on)
        summaries.append(summary)
        rows += expected
        task.progress(0.9 * (number + 1) / len(known), one.kind, series=len(one.keys))
    result = {
        "begins_on": begins_on.isoformat(),
        "history_days": days,
        "needed_days": backtest.needed_days(),
        "kinds": summaries,
    }
    with task.effects():
        kept = jobs.keep_result(
            result, inputs={"history_days": history_days, "begins_on": begins_on.isoformat()}
        )
        computing.replace(rows, kept)
    return result
