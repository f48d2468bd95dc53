"""Choose the simplest method that wins a rolling backtest, and learn how far it errs.

Every method forecasts the four weeks after each of several days of the past (origins) from what was
known then. Intervals are conformal: their width is the quantile of the errors seen, scaled by the
square root of the forecast, as of counts (Vovk et al., Algorithmic Learning in a Random World,
2005). Their coverage is measured on each origin with the widths learned from the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reports.forecasting.methods import HORIZON_DAYS, METHODS, WEEK, Counts

ORIGINS, ORIGIN_STEP_DAYS = 12, 14
#: What a method must have to look back on before the first origin.
HISTORY_MINIMUM_DAYS = 56
ORIGINS_MINIMUM = 3
#: A method is preferred to a simpler one only where its error is smaller by this share.
GAIN_MINIMUM = 0.02
COVERAGE = 0.8
#: Makes errors of forecasts near zero comparable (Anscombe).
_NEAR_ZERO = 0.375


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of several series, with intervals that hold 80 % of what comes.

    Args:
        method: the name of the method.
        error: its errors in the backtest, as a share of the reports: the mean of weeks and days.
        errors: the same of every method.
        coverage: the share of weeks of the backtest within their intervals.
        days, days_low, days_high: reports on each day; a row for each series.
        weeks, weeks_low, weeks_high: the same for each week.
    """

    method: str
    error: float
    errors: dict[str, float]
    coverage: float
    days: Counts
    days_low: Counts
    days_high: Counts
    weeks: Counts
    weeks_low: Counts
    weeks_high: Counts


@dataclass(frozen=True, slots=True)
class Trial:
    """One method's forecasts at each origin, and what came."""

    forecasts: list[Counts]
    came: list[Counts]

    def error(self) -> float:
        """Return the absolute errors of weeks and of days, averaged, over the reports that came.

        Weeks show whether the level is right, days whether the weekdays are.
        """
        errors = sum(
            float(np.abs(weeks_of(came - expected)).sum() + np.abs(came - expected).sum()) / 2
            for expected, came in zip(self.forecasts, self.came, strict=True)
        )
        reports = sum(float(came.sum()) for came in self.came)
        return errors / reports if reports else 0.0


def needed_days() -> int:
    """Return how many days of history a forecast takes."""
    return HISTORY_MINIMUM_DAYS + HORIZON_DAYS + (ORIGINS_MINIMUM - 1) * ORIGIN_STEP_DAYS


def forecast(history: Counts) -> Forecast:
    """Forecast the four weeks after the history, by the method that wins the backtest.

    Raises:
        ValueError: the history has fewer than `needed_days()` days.
    """
    if history.shape[1] < needed_days():
        raise ValueError(f"{history.shape[1]} days are too few to learn from.")
    trials = {name: _try(name, history) for name in METHODS}
    errors = {name: trial.error() for name, trial in trials.items()}
    name = _simplest_of_the_best(errors)
    days = METHODS[name](history)
    weeks = weeks_of(days)
    of_weeks = [_deviations(weeks_of(e), weeks_of(c)) for e, c in _pairs(trials[name])]
    of_days = [_deviations(expected, came) for expected, came in _pairs(trials[name])]
    days_low, days_high = _interval(days, _width(of_days))
    weeks_low, weeks_high = _interval(weeks, _width(of_weeks))
    return Forecast(
        method=name,
        error=errors[name],
        errors=errors,
        coverage=_coverage(trials[name], of_weeks),
        days=days,
        days_low=days_low,
        days_high=days_high,
        weeks=weeks,
        weeks_low=weeks_low,
        weeks_high=weeks_high,
    )


def weeks_of(days: Counts) -> Counts:
    """Return the sums of whole weeks."""
    weeks: Counts = days.reshape(days.shape[0], -1, WEEK).sum(axis=2)
    return weeks


def _try(name: str, history: Counts) -> Trial:
    forecasts, came = [], []
    for origin in _origins(history.shape[1]):
        forecasts.append(METHODS[name](history[:, :origin]))
        came.append(history[:, origin : origin + HORIZON_DAYS])
    return Trial(forecasts, came)


def _origins(days: int) -> list[int]:
    """Return the number of days known at each origin, the latest first."""
    latest = days - HORIZON_DAYS
    origins = range(latest, HISTORY_MINIMUM_DAYS - 1, -ORIGIN_STEP_DAYS)
    return list(origins[:ORIGINS])


def _simplest_of_the_best(errors: dict[str, float]) -> str:
    limit = min(errors.values()) / (1 - GAIN_MINIMUM)
    return next(name for name, error in errors.items() if error <= limit)


def _pairs(trial: Trial) -> Iterator[tuple[Counts, Counts]]:
    return zip(trial.forecasts, trial.came, strict=True)


def _deviations(expected: Counts, came: Counts) -> Counts:
    return np.abs(came - expected) / np.sqrt(expected + _NEAR_ZERO)


def _width(deviations: list[Counts]) -> float:
    seen = np.concatenate([each.ravel() for each in deviations])
    rank = min(1.0, COVERAGE * (1 + 1 / seen.size))
    return float(np.quantile(seen, rank, method="higher"))


def _interval(expected: Counts, width: float) -> tuple[Counts, Counts]:
    """Return the whole numbers within which the counts lie."""
    half = width * np.sqrt(expected + _NEAR_ZERO)
    return np.maximum(np.ceil(expected - half), 0.0), np.floor(expected + half)


def _coverage(trial: Trial, deviations: list[Counts]) -> float:
    inside = total = 0
    for number, (expected, came) in enumerate(_pairs(trial)):
        others = deviations[:number] + deviations[number + 1 :]
        low, high = _interval(weeks_of(expected), _width(others))
        weeks = weeks_of(came)
        inside += int(((low <= weeks) & (weeks <= high)).sum())
        total += weeks.size
    return inside / total
