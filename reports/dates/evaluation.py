"""Measure the forecasts of dates on files of requests: learned from one, tried on another."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from reports.catalogue import working_hours
from reports.catalogue.working_hours import OpeningHoursInvalid
from reports.dates.calibration import calibrated
from reports.dates.cases import Cases, Floats, Names, on_the_wall, utc_seconds
from reports.dates.factors import PARTS
from reports.dates.model import COVERAGE, IsHoliday, Model
from reports.errors import EvaluationFileError

COLUMNS = (
    "external_id", "created_at", "closed_at", "category", "area", "channel", "latitude",
    "longitude",
)  # fmt: skip
#: Facts that the files have.
_FACTS = ("category", "area", "channel")
CASES_MINIMUM = 20
SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Quality:
    """How good forecasts are on cases that were done.

    Args:
        coverage: the share that was done within its range.
        median_error_hours: the median distance of the likely moment from the real one.
        median_width_hours: the median length of the range.
    """

    coverage: float
    median_error_hours: float
    median_width_hours: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result: forecasts beside those of the baseline, the quantiles of the type."""

    train: int
    train_open: int
    test: int
    test_closed: int
    forecast: Quality
    baseline: Quality
    without: dict[str, Quality]

    def as_json(self) -> dict[str, Any]:
        """Return the figures by their names."""
        figures: dict[str, Any] = {
            **_figures(self.forecast, ""),
            **_figures(self.baseline, "baseline_"),
            "train": self.train,
            "train_open": self.train_open,
            "test": self.test,
            "test_closed": self.test_closed,
        }
        if self.without:
            figures["without"] = {name: _figures(one, "") for name, one in self.without.items()}
        return figures


def _figures(quality: Quality, prefix: str) -> dict[str, float]:
    return {
        f"{prefix}coverage": round(quality.coverage, 4),
        f"{prefix}median_error_hours": round(quality.median_error_hours, 2),
        f"{prefix}median_width_hours": round(quality.median_width_hours, 2),
    }


def evaluate(train: Path, test: Path, *, holidays: str, with_parts: bool = False) -> Evaluation:
    """Learn from the cases of one file, and compare forecasts with those of the other.

    With `with_parts` the model is also learned without each of its parts.

    Raises:
        EvaluationFileError: a file cannot be used, or the region of `holidays` is not known.
    """
    names = Names()
    learned, tried = _read(train, names, is_learned=True), _read(test, names, is_learned=False)
    if learned.is_done.sum() < CASES_MINIMUM:
        raise EvaluationFileError(
            f"{train}: at least {CASES_MINIMUM} closed requests are needed to learn from."
        )
    if not tried.is_done.any():
        raise EvaluationFileError(f"{test}: no request is closed, so nothing can be compared.")
    is_holiday = _holidays(holidays)
    parts: dict[str, tuple[str, ...]] = {name: (name,) for name in PARTS} if with_parts else {}
    return Evaluation(
        train=len(learned),
        train_open=int((~learned.is_done).sum()),
        test=len(tried),
        test_closed=int(tried.is_done.sum()),
        forecast=_forecast(learned, tried, names, is_holiday),
        baseline=_baseline(learned, tried, names),
        without={
            name: _forecast(learned, tried, names, is_holiday, without=left_out)
            for name, left_out in parts.items()
            if _matters(name)
        },
    )


def _matters(part: str) -> bool:
    """Return whether the files have the facts for this part of the model."""
    return part not in {"department", "severity", "queue"}


def _holidays(region: str) -> IsHoliday:
    try:
        return working_hours.holidays_of(region)
    except OpeningHoursInvalid as error:
        raise EvaluationFileError(str(error)) from error


def _forecast(
    learned: Cases,
    tried: Cases,
    names: Names,
    is_holiday: IsHoliday,
    *,
    without: Collection[str] = (),
) -> Quality:
    model = Model.learn(learned, names, is_holiday, without=without)
    model = calibrated(model, learned, names, is_holiday)
    ranges = model.ranges(tried, model.done_by(tried, is_holiday))
    return _quality(tried, ranges.earliest, ranges.likely, ranges.latest)


def _baseline(learned: Cases, tried: Cases, names: Names) -> Quality:
    """Forecast the quantiles of the type, as learned from the closed requests; else of all."""
    levels = [0.5 - COVERAGE / 2, 0.5, 0.5 + COVERAGE / 2]
    done = learned[learned.is_done]
    table = np.tile(np.quantile(done.lasted, levels), (names.size("category"), 1))
    for code in np.unique(done.category):
        table[code] = np.quantile(done.lasted[done.category == code], levels)
    quantiles = tried.created[:, None] + table[tried.category]
    return _quality(tried, *quantiles.T)


def _quality(cases: Cases, earliest: Floats, likely: Floats, latest: Floats) -> Quality:
    """Compare with the cases that were done; a second more or less does not matter."""
    done = cases.is_done
    ended = cases.ended[done]
    held = (ended >= earliest[done] - 1) & (ended <= latest[done] + 1)
    return Quality(
        coverage=float(held.mean()),
        median_error_hours=float(np.median(np.abs(likely[done] - ended))) / SECONDS_PER_HOUR,
        median_width_hours=float(np.median(latest[done] - earliest[done])) / SECONDS_PER_HOUR,
    )


def _read(path: Path, names: Names, *, is_learned: bool) -> Cases:
    """Read the cases of a file; the values of its facts are learned only where it is learned from.

    What is not closed was seen open until the last moment that the file mentions.
    """
    rows = list(_rows(path))
    if not rows:
        raise EvaluationFileError(f"{path}: no request.")
    created = np.array([on_the_wall(row.created) for row in rows])
    lasted = np.array([row.lasted for row in rows])
    is_done = ~np.isnan(lasted)
    ended = created + np.nan_to_num(lasted)
    ended[~is_done] = max(ended.max(), created.max())
    codes = {kind: np.zeros(len(rows), dtype=np.int64) for kind in ("department", "severity")}
    for kind in _FACTS:
        values = [row.facts[kind] for row in rows]
        if is_learned:
            names.learn(kind, values)
        codes[kind] = names.codes(kind, values)
    return Cases(
        created=created,
        ended=ended,
        is_done=is_done,
        latitude=np.array([row.latitude for row in rows]),
        longitude=np.array([row.longitude for row in rows]),
        **codes,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    created: datetime
    lasted: float
    facts: dict[str, str]
    latitude: float
    longitude: float


def _rows(path: Path) -> Iterable[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise EvaluationFileError(f"{path}: no column {', '.join(missing)}.")
            for row in reader:
                yield _row(row, f"{path}, line {reader.line_num}")
    except OSError as error:
        raise EvaluationFileError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationFileError(f"{path} is no CSV in UTF-8: {error}.") from error


def _row(row: dict[str, Any], where: str) -> _Row:
    if any(row[name] is None for name in COLUMNS) or None in row:
        raise EvaluationFileError(f"{where}: not as many values as the header has columns.")
    created = _time(row["created_at"], "created_at", where)
    closed = _time(row["closed_at"], "closed_at", where) if row["closed_at"].strip() else None
    # Some systems store the day of a closing only, which then comes before the request.
    lasted = max(utc_seconds(closed) - utc_seconds(created), 0.0) if closed else math.nan
    return _Row(
        created=created,
        lasted=lasted,
        facts={name: row[name].strip() for name in _FACTS},
        latitude=_degrees(row["latitude"], 90, "latitude", where),
        longitude=_degrees(row["longitude"], 180, "longitude", where),
    )


def _time(text: str, name: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise EvaluationFileError(f"{where}: {name} {text!r} is no time (ISO 8601).") from None
    if moment.tzinfo is None:
        raise EvaluationFileError(f"{where}: {name} {text!r} has no offset from UTC.")
    return moment


def _degrees(text: str, limit: float, name: str, where: str) -> float:
    """Return a coordinate; NaN where there is none."""
    if not text.strip():
        return math.nan
    try:
        degrees = float(text)
    except ValueError:
        degrees = math.inf
    if not abs(degrees) <= limit:
        raise EvaluationFileError(f"{where}: {name} {text!r} is no number up to {limit} degrees.")
    return degrees
