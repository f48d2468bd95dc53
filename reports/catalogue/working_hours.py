"""Working hours of departments, and when a number of working hours is over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Any

import holidays

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS_MAXIMUM = 20 * 366  # looked through before a department that hardly opens counts as closed
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_REGION = re.compile(r"([A-Z]{2})(?:-([A-Za-z0-9]{1,4}))?")

#: Minutes since midnight, from and to; of one day, in order.
Spans = tuple[tuple[int, int], ...]
IsHoliday = Callable[[date], bool]


class OpeningHoursInvalid(ValueError):
    """The opening hours cannot be read."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working hours of a week, Monday first, in a time zone, and a test for holidays."""

    week: tuple[Spans, ...]
    is_holiday: IsHoliday
    zone: tzinfo

    def after(self, start: datetime, hours: float) -> datetime | None:
        """Return when this many working hours since `start` are over.

        Hours are counted as they pass, also in a night in which the clocks change. Return None if
        the department hardly works at all.
        """
        left = timedelta(hours=hours)
        for opens_at, closes_at in self._spans_since(start):
            begins_at = max(start, opens_at)
            if begins_at + left <= closes_at:
                return begins_at + left
            left -= max(timedelta(0), closes_at - begins_at)
        return None

    def between(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the spans in which the department works, in UTC, that begin before `until`.

        The first ones may lie before `since`, on the same day.
        """
        for span in self._spans_since(since):
            if span[0] >= until:
                return
            yield span

    def _spans_since(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the spans in which the department works, in UTC, from the day of `start` on."""
        today = start.astimezone(self.zone).date()
        for day in (today + timedelta(days=number) for number in range(DAYS_MAXIMUM)):
            spans = self.week[day.weekday()]
            if spans and not self.is_holiday(day):
                yield from ((self._at(day, begin), self._at(day, end)) for begin, end in spans)

    def _at(self, day: date, minutes: int) -> datetime:
        local = datetime.combine(day, time.min) + timedelta(minutes=minutes)
        return local.replace(tzinfo=self.zone).astimezone(UTC)


def parse_week(opening_hours: Mapping[str, Any]) -> tuple[Spans, ...]:
    """Read `{"mon-fri": "08:30-12:00, 13:00-17:00", "sat": "9:00-12:00"}`; return the seven days.

    Raises:
        OpeningHoursInvalid: they cannot be read; the message names the fault.
    """
    week: list[Spans | None] = [None] * len(WEEKDAYS)
    for name, text in opening_hours.items():
        for day in _days(name):
            if week[day] is not None:
                raise OpeningHoursInvalid(f"{WEEKDAYS[day]} has opening hours twice.")
            week[day] = _spans(text)
    return tuple(spans or () for spans in week)


def _days(name: Any) -> range:
    first, _, last = str(name).lower().partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
        raise OpeningHoursInvalid(f"{name!r} is no day; write mon, tue, … or mon-fri.")
    days = range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1)
    if not days:
        raise OpeningHoursInvalid(
            f"{name!r} ends before it begins; write two entries, such as fri-sun and mon."
        )
    return days


def _spans(text: Any) -> Spans:
    """Read `08:30-12:00, 13:00-17:00`; an empty text is a day off."""
    parts = [part.strip() for part in str(text or "").split(",") if part.strip()]
    spans = tuple(_span(part) for part in parts)
    if any(begin < end_before for (_, end_before), (begin, _) in pairwise(spans)):
        raise OpeningHoursInvalid(f"{text!r} has hours that overlap or are not in order.")
    return spans


def _span(text: str) -> tuple[int, int]:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise OpeningHoursInvalid(f"{text!r} are no hours; write 08:30-17:00.")
    from_hour, from_minute, to_hour, to_minute = map(int, match.groups())
    begin, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if from_minute > 59 or to_minute > 59 or not begin < end <= 24 * 60:
        raise OpeningHoursInvalid(f"{text!r} are no hours of one day.")
    return begin, end


def holidays_of(region: str) -> IsHoliday:
    """Return a function that tests for public holidays of a region such as `US` or `US-CT`.

    For "" it is never true.

    Raises:
        OpeningHoursInvalid: the region is not known.
    """
    if not region:
        return lambda _day: False
    known = _holidays(region)
    return lambda day: day in known


@lru_cache(maxsize=32)
def _holidays(region: str) -> holidays.HolidayBase:
    match = _REGION.fullmatch(region)
    try:
        return (
            holidays.country_holidays(match.group(1), subdiv=match.group(2))
            if match
            else _unknown(region)
        )
    except NotImplementedError:
        return _unknown(region)


def _unknown(region: str) -> holidays.HolidayBase:
    raise OpeningHoursInvalid(
        f"The holidays of {region!r} are not known; write a country and perhaps its part, such as "
        "US or US-CT."
    )
