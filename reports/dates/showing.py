"""What is shown of a report's date: the forecast, or its deadline where nothing can be forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format

from reports.models import OPEN_STATUSES, Basis, DateForecast, Report


@dataclass(frozen=True, slots=True)
class ExpectedDate:
    """When an open report is likely to be done, and what that rests on."""

    basis: Basis
    in_words: str
    earliest_at: datetime | None = None
    likely_at: datetime | None = None
    latest_at: datetime | None = None


def expected_date(report: Report, forecast: DateForecast | None) -> ExpectedDate | None:
    """Return what is shown of a report; None once work on it has ended."""
    if report.status not in OPEN_STATUSES:
        return None
    if forecast is not None and forecast.likely_at and forecast.earliest_at:
        return ExpectedDate(
            Basis.HISTORY,
            _range_in_words(forecast.earliest_at, forecast.likely_at, forecast.latest_at),
            forecast.earliest_at,
            forecast.likely_at,
            forecast.latest_at,
        )
    if report.due_at is not None and report.due_at > timezone.now():
        words = (
            f"The city aims to have this done by {_day(report.due_at)}. There are too few earlier "
            "reports like it for a forecast."
        )
        return ExpectedDate(Basis.TARGET, words, likely_at=report.due_at)
    return ExpectedDate(Basis.NONE, "No date can be given for this report at present.")


def forecast_of(report: Report) -> DateForecast | None:
    """Return the stored forecast of a report; None if there is none."""
    forecast: DateForecast | None = getattr(report, "date_forecast", None)
    return forecast


def _range_in_words(earliest_at: datetime, likely_at: datetime, latest_at: datetime | None) -> str:
    first, likely = _day(earliest_at), _day(likely_at)
    if latest_at is None:
        return (
            f"Likely done about {likely}, hardly before {first}. It may also take longer than any "
            "report so far."
        )
    last = _day(latest_at)
    if first == last:
        return f"Likely done on {likely}, as 8 of 10 reports like this one are."
    return (
        f"Likely done about {likely}. 8 of 10 reports like this one are done between {first} and "
        f"{last}."
    )


def _day(moment: datetime) -> str:
    local = timezone.localtime(moment)
    is_this_year = local.year == timezone.localtime().year
    return date_format(local, "j F" if is_this_year else "j F Y")
