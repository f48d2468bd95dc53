"""Reading times and days as files write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from imports.errors import ImportFileError, RowRejected
from jobs import numbers

#: The years that are accepted: times near an end of the calendar exist only in some time zones.
YEARS = range(1900, 3000)
TIME_FORMATS = {
    "iso": "ISO 8601, as 2024-12-31 23:59 or 2024-12-31T23:59:00-05:00",
    "us": "month first, as 12/31/2024 11:59 PM",
    "day-first": "day first, as 31/12/2024 23:59 or 31.12.2024",
    "excel": "Excel's count of days, as 45657.5",
    "unix": "seconds or milliseconds since 1970",
}
_EXCEL_BEGIN = datetime(1899, 12, 30)  # noqa: DTZ001 - a time on a wall clock
_EXCEL_FIRST_DAY = 61  # earlier counts include 29 February 1900, which Excel invented
_MILLISECONDS_FROM = 1e11
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2}|\d{8})"
    r"([T ](\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?|\d{4}(\d{2})?) ?(Z|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)
_CLOCK = (
    r"(?:,? +(?P<hour>\d{1,2}):(?P<minute>\d{2})(:(?P<second>\d{2})(\.\d+)?)?"
    r"( ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
)
_US = re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})" + _CLOCK, re.ASCII)
_DAY_FIRST = re.compile(
    r"(?P<day>\d{1,2})(?P<mark>[./-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})" + _CLOCK, re.ASCII
)


class TimeReader:
    """Reads times of one format; those without an offset are in one time zone."""

    def __init__(self, time_format: str, zone: ZoneInfo) -> None:
        """Set the format, `iso` if empty, and the time zone.

        Raises:
            ImportFileError: the format is unknown or holds no whole date.
        """
        self._format = time_format or "iso"
        self._zone = zone
        if self._format not in TIME_FORMATS:
            _check_pattern(self._format)

    @classmethod
    def of(cls, time_format: str, zone_name: str) -> TimeReader:
        """Return the reader of a format and of a time zone by name, TIME_ZONE if empty.

        Raises:
            ImportFileError: one of them is unknown.
        """
        name = zone_name or settings.TIME_ZONE
        try:
            return cls(time_format, ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ImportFileError(
                f"{name[:40]!r} is not a time zone, such as Europe/Berlin."
            ) from None

    def moment(self, text: str, name: str, *, not_before: datetime | None = None) -> datetime:
        """Return the time in UTC.

        An hour that occurs twice, when the clocks are set back, is taken for the first one; for the
        second one if only that is not before `not_before`.

        Raises:
            RowRejected: it is no such time, or one that the clocks skipped.
        """
        at = self._parse(text, name)
        if at.tzinfo is None:
            at = self._placed(at, text, name, not_before)
        try:
            at = at.astimezone(UTC)
        except OverflowError:
            at = at.replace(tzinfo=UTC)
        if at.year not in YEARS:
            raise RowRejected(f"{name} is outside of {YEARS[0]} to {YEARS[-1]}: {text[:40]}")
        return at

    def day(self, text: str, name: str) -> datetime:
        """Return the time as it is written, without a conversion; the caller uses its date.

        Raises:
            RowRejected: it is no such time.
        """
        at = self._parse(text, name)
        if at.year not in YEARS:
            raise RowRejected(f"{name} is outside of {YEARS[0]} to {YEARS[-1]}: {text[:40]}")
        return at

    def _parse(self, text: str, name: str) -> datetime:
        try:
            return _parsed(text, self._format)
        except (ValueError, OverflowError):
            raise RowRejected(
                f"{name} is not a time of the format {self._format}: {text[:40]}"
            ) from None

    def _placed(self, at: datetime, text: str, name: str, not_before: datetime | None) -> datetime:
        first, second = (at.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first
        if first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != at:
            raise RowRejected(
                f"{name} does not exist: the clocks of {self._zone.key} skipped {text[:40]}"
            )
        return second if not_before and first.astimezone(UTC) < not_before else first


def _parsed(text: str, time_format: str) -> datetime:
    if not text.isascii():
        raise ValueError("not ASCII")
    match time_format:
        case "iso":
            if not _ISO.fullmatch(text):
                raise ValueError("not ISO 8601")
            return datetime.fromisoformat(text.replace(" Z", "Z"))
        case "us":
            return _matched(_US.fullmatch(text))
        case "day-first":
            return _matched(_DAY_FIRST.fullmatch(text))
        case "excel":
            return _excel(numbers.decimal(text))
        case "unix":
            seconds = numbers.decimal(text)
            seconds /= 1000 if abs(seconds) >= _MILLISECONDS_FROM else 1
            return datetime.fromtimestamp(seconds, UTC)
    return datetime.strptime(text, time_format)  # noqa: DTZ007 - the zone is added by the caller


def _matched(parts: re.Match[str] | None) -> datetime:
    if parts is None:
        raise ValueError("not of the format")
    year, month, day = (int(parts[name]) for name in ("year", "month", "day"))
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if half := parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of half a day")
        hour = hour % 12 + (12 if half in "pP" else 0)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - see above


def _excel(days: float) -> datetime:
    if days < _EXCEL_FIRST_DAY:
        raise ValueError("before March 1900")
    return _EXCEL_BEGIN + timedelta(seconds=round(days * 86_400))


def _check_pattern(pattern: str) -> None:
    """Check that a pattern of `strptime` holds a whole date.

    Raises:
        ImportFileError: it does not.
    """
    known = ", ".join(TIME_FORMATS)
    sample = datetime(2024, 1, 2, tzinfo=UTC)
    try:
        is_whole = datetime.strptime(sample.strftime(pattern), pattern).date() == sample.date()  # noqa: DTZ007
    except (ValueError, re.error):
        is_whole = False
    if not is_whole:
        raise ImportFileError(
            f"{pattern[:40]!r} is not a time format: use {known}, "
            "or a pattern with a whole date such as %m/%d/%y %H:%M."
        )
