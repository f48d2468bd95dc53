"""The forecast of arrivals: the choice of the method, the intervals, and the job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from jobs.execution import job_types
from jobs.models import JobResult
from jobs.testing import run_tasks
from reports.figures import refreshing
from reports.forecasting import backtest, methods, series
from reports.models import Area, ArrivalForecast, DayFigures
from tests.accounts.factories import bearer, make_user
from tests.reports.factories import make_category, make_staff

WEEK = np.array([9.0, 2, 2, 2, 2, 1, 1])


def noisy(expected: Any, days: int, *, rows: int = 4, seed: int = 1) -> methods.Counts:
    """Return Poisson counts around what is expected of each day."""
    per_day = np.resize(np.asarray(expected, dtype=float), days)
    return np.random.default_rng(seed).poisson(per_day, (rows, days)).astype(float)


def test_where_nothing_else_helps_the_simplest_method_wins() -> None:
    assert backtest.forecast(noisy([5.0], 200)).method == "mean"


def test_weekdays_are_found_and_forecast() -> None:
    found = backtest.forecast(noisy(WEEK, 210))
    assert found.method in {"weekdays", "smoothed"}
    assert found.errors[found.method] < 0.85 * found.errors["mean"]
    assert np.allclose(found.days[:, ::7].mean(), 9, atol=1.5)


def test_a_season_that_returns_each_year_is_found() -> None:
    day = np.arange(3 * methods.YEAR)
    yearly = 8 + 6 * np.sin(2 * np.pi * day / methods.YEAR)
    found = backtest.forecast(noisy(yearly, day.size, rows=6))
    assert found.method == "seasonal"
    assert found.errors["seasonal"] < 0.8 * found.errors["mean"]


def test_a_year_of_history_changes_nothing_where_there_is_no_season() -> None:
    history = noisy([4.0], 100)
    assert (methods.seasonal(history) == methods.smoothed(history)).all()


@pytest.mark.parametrize("level", [0.3, 3.0, 30.0])
def test_intervals_hold_four_weeks_of_five(level: float) -> None:
    history = noisy([level], 280, rows=60)
    known, coming = history[:, :252], history[:, 252:]
    found = backtest.forecast(known)
    weeks = backtest.weeks_of(coming)
    held = ((found.weeks_low <= weeks) & (weeks <= found.weeks_high)).mean()
    assert 0.75 <= held <= 0.93  # whole numbers hold more where they are small
    assert abs(found.coverage - held) < 0.08
    assert (found.weeks_low <= found.weeks_high).all()


def test_too_few_days_are_refused_and_so_many_suffice() -> None:
    enough = backtest.needed_days()
    with pytest.raises(ValueError, match="too few"):
        backtest.forecast(noisy([5.0], enough - 1))
    backtest.forecast(noisy([5.0], enough))


def test_a_series_without_a_report_is_forecast_as_nothing() -> None:
    history = noisy([5.0], 150)
    history[2] = 0
    found = backtest.forecast(history)
    assert found.days[2].sum() == 0
    assert (found.days_low[2] == 0).all()


def fill(days: int, *, category: Any = None, area: Area | None = None, per_day: int = 3) -> None:
    """Store that so many reports came on each of the days before today."""
    today = series.today()
    DayFigures.objects.bulk_create(
        DayFigures(
            day=today - timedelta(days=ago),
            category=category,
            area=area,
            received=per_day,
            ended=0,
            repaired=0,
            confirmed=0,
        )
        for ago in range(1, days + 1)
    )


def run(**payload: Any) -> dict[str, Any]:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=bearer(make_staff())["authorization"])
    job = client.post("/api/v1/jobs/", {"job_type": "forecast", "payload": payload}, "json")
    assert job.status_code == 202, job.content
    run_tasks()
    result: dict[str, Any] = client.get(job["Location"]).json()["result"]
    return result


@pytest.mark.django_db
def test_the_job_forecasts_the_city_each_category_and_each_area() -> None:
    holes = make_category("holes")
    north = Area.objects.create(name="North", polygons={"type": "Polygon", "coordinates": []})
    fill(120, category=holes, area=north)
    fill(120, per_day=1)
    kinds = {kind["kind"]: kind for kind in run()["kinds"]}
    assert kinds.keys() == {"city", "category", "area", "category and area"}
    assert [week["expected"] for week in kinds["city"]["expected"]] == [28, 28, 28, 28]
    (first, *_) = kinds["category"]["expected"]
    assert (first["category"], first["expected"]) == ("holes", 21)
    assert first["begins_on"] == series.today().isoformat()
    tomorrow = ArrivalForecast.objects.get(
        day=series.today() + timedelta(days=1), category=holes, area=north
    )
    assert (tomorrow.expected, tomorrow.low, tomorrow.high) == (3, 3, 3)


@pytest.mark.django_db
def test_a_second_run_replaces_the_days_and_keeps_both_results() -> None:
    fill(120)
    run()
    run()
    assert ArrivalForecast.objects.count() == methods.HORIZON_DAYS
    first, second = JobResult.objects.all()
    assert first.digest == second.digest
    job_type = job_types.find("forecast")
    assert job_type is not None
    assert job_type.rows is not None
    exported = [list(row) for row in job_type.rows(first)]
    assert exported[0] == ["category", "area", "begins_on", "expected", "low", "high"]


@pytest.mark.django_db
def test_a_city_with_a_short_history_gets_no_forecast_and_hears_why() -> None:
    fill(50)
    result = run()
    assert result["kinds"] == []
    assert (result["history_days"], result["needed_days"]) == (50, backtest.needed_days())
    refreshing.refresh()
    assert APIClient().get("/api/v1/dashboard/").json()["forecast"] is None


@pytest.mark.django_db
def test_the_dashboard_shows_the_newest_forecast() -> None:
    fill(120)
    run()
    refreshing.refresh()
    shown = APIClient().get("/api/v1/dashboard/").json()["forecast"]
    assert [week["expected"] for week in shown["weeks"]] == [21, 21, 21, 21]
    assert shown["coverage"] == 1


@pytest.mark.django_db
def test_citizens_may_not_start_it() -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=bearer(make_user())["authorization"])
    body = {"job_type": "forecast", "payload": {}}
    assert client.post("/api/v1/jobs/", body, "json").status_code == 403
