"""The conditions of routing rules: what each asks of a report, in words and in code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from reports.catalogue import working_hours
from reports.catalogue.working_hours import OpeningHoursInvalid, Spans
from reports.geography.polygons import PolygonsInvalid
from reports.models import Area, Department, OnHolidays, Report, RoutingRule, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What routing asks about a report.

    `at` is its arrival in the city's time zone, `of_category` the department of its category.
    """

    category_id: int | None
    group_id: int | None
    is_certain: bool
    severity: str
    latitude: float
    longitude: float
    at: datetime
    of_category: Department | None


def facts_of(report: Report, *, is_certain: bool) -> Facts:
    """Return what routing asks about this report."""
    return Facts(
        category_id=report.category_id,
        group_id=report.category.group_id if report.category else None,
        is_certain=is_certain,
        severity=report.severity,
        latitude=report.latitude,
        longitude=report.longitude,
        at=report.created_at.astimezone(ZoneInfo(settings.TIME_ZONE)),
        of_category=report.category.department if report.category else None,
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in a clerk's words, and the test of a report.

    `fault` says why it cannot be evaluated; then `holds` is not asked.
    """

    words: str
    holds: Callable[[Facts], bool]
    fault: str = ""


def conditions_of(rule: RoutingRule) -> Iterator[Condition]:
    """Yield the conditions of a rule; what it names must be loaded with it."""
    yield _kind(rule)
    if rule.area is not None:
        yield _inside(rule.area)
    if rule.min_severity:
        yield _severity(rule.min_severity)
    if rule.times or rule.on_holidays:
        yield _times(rule)
    if rule.active_from or rule.active_until:
        yield _period(rule.active_from, rule.active_until)
    if rule.crew is not None and not rule.crew.is_active:
        yield _broken("", f"crew {rule.crew} takes no further reports")


def _kind(rule: RoutingRule) -> Condition:
    """Return the condition on the category: which, or at least that it is certain."""
    if rule.category is not None:
        category_id = rule.category.pk
        return Condition(
            f"category {rule.category}",
            lambda facts: facts.is_certain and facts.category_id == category_id,
        )
    if rule.group is not None:
        group_id = rule.group.pk
        return Condition(
            f"group {rule.group}",
            lambda facts: facts.is_certain and facts.group_id == group_id,
        )
    takes_uncertain = rule.takes_uncertain
    return Condition("", lambda facts: facts.is_certain or takes_uncertain)


def _inside(area: Area) -> Condition:
    words = f"inside area {area}"
    try:
        shape = area.shape()
    except PolygonsInvalid as error:
        return _broken(words, f"the polygons of area {area} cannot be used: {error}")
    return Condition(words, lambda facts: shape.covers(facts.latitude, facts.longitude))


def _severity(lowest: str) -> Condition:
    if lowest not in Severity.values:
        return _broken(f"severity {lowest}", f"there is no severity {lowest!r}")
    rank = Severity.rank(lowest)
    above = Severity.values[rank:]
    words = f"severity {' or '.join(above)}" if rank else "any severity"
    return Condition(words, lambda facts: facts.severity in above)


def _times(rule: RoutingRule) -> Condition:
    """Return the condition on the weekday and hour of the arrival, with the holidays."""
    words = _words_of_times(rule)
    try:
        week = working_hours.parse_week(rule.times) if rule.times else None
        is_holiday = working_hours.holidays_of(rule.holidays)
    except (OpeningHoursInvalid, AttributeError) as error:
        return _broken(words, f"its times cannot be read: {error}")
    mode = rule.on_holidays
    if mode not in OnHolidays.values:
        return _broken(words, f"there is no rule {mode!r} for holidays")
    return Condition(words, lambda facts: _is_time(facts.at, week, mode, is_holiday))


def _is_time(
    at: datetime, week: tuple[Spans, ...] | None, mode: str, is_holiday: Callable[[date], bool]
) -> bool:
    if mode and is_holiday(at.date()):
        return mode != OnHolidays.NEVER
    if mode == OnHolidays.ONLY:
        return False
    minute = at.hour * 60 + at.minute
    return week is None or any(begin <= minute < end for begin, end in week[at.weekday()])


def _words_of_times(rule: RoutingRule) -> str:
    times = rule.times if isinstance(rule.times, dict) else {"times": rule.times}
    hours = ", ".join(f"{days} {hours}" for days, hours in times.items())
    of_region = f"holidays ({rule.holidays})"
    match rule.on_holidays:
        case OnHolidays.NEVER:
            return f"reported {hours or 'on any day'}, but not on {of_region}"
        case OnHolidays.ALL_DAY:
            return f"reported {hours} or on {of_region}"
        case OnHolidays.ONLY:
            return f"reported on {of_region}"
    return f"reported {hours}"


def _period(since: date | None, until: date | None) -> Condition:
    words = f"from {since}" if since else ""
    words += f"{' ' if since else ''}until {until}" if until else ""
    first, last = since or date.min, until or date.max
    return Condition(words, lambda facts: first <= facts.at.date() <= last)


def _broken(words: str, fault: str) -> Condition:
    return Condition(words, lambda _facts: False, fault)
