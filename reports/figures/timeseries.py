"""Sum the counts of days over periods: what `GET /api/v1/dashboard/timeseries/` answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import DateField, QuerySet, Sum
from django.db.models.functions import Cast, Trunc

from reports.models import Area, Category, DayFigures, Department, PostDayFigures

REPORT_COUNTS = ("received", "ended", "repaired", "confirmed")
POST_COUNTS = ("posts", "scored", "tone")
#: The source of reports that were not imported.
OWN = "own"


class Interval(StrEnum):
    """The length of the periods."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days, the last one included, in periods of equal length."""

    since: date
    until: date
    interval: Interval

    def starts(self) -> list[date]:
        """Return the first day of each period; a week begins on Monday."""
        starts = [self._start_of(self.since)]
        while (following := self._next(starts[-1])) <= self.until:
            starts.append(following)
        return starts

    def _start_of(self, day: date) -> date:
        if self.interval == Interval.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.interval == Interval.MONTH else day

    def _next(self, start: date) -> date:
        days = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 31}[self.interval]
        return self._start_of(start + timedelta(days=days))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which reports and posts a series is of; what a condition says nothing about is left out."""

    area: Area | None = None
    category: Category | None = None
    department: Department | None = None
    topic: str = ""
    source: str | None = None

    def reports(self) -> dict[str, Any] | None:
        """Return the conditions on reports; None where they do not apply to reports."""
        if self.topic:
            return None
        chosen = {
            "area": self.area,
            "category": self.category,
            "department": self.department,
            "source": "" if self.source == OWN else self.source,
        }
        return {name: one for name, one in chosen.items() if one is not None}

    def posts(self) -> dict[str, Any] | None:
        """Return the conditions on posts; None where they do not apply to posts."""
        if self.category or self.department or self.source == OWN:
            return None
        chosen = {"area": self.area, "topic": self.topic, "source__name": self.source}
        return {name: one for name, one in chosen.items() if one}


def points(span: Span, choice: Choice) -> list[dict[str, Any]]:
    """Return the figures of each period, with zeros where nothing happened.

    Those about which the choice says nothing are None.
    """
    reports = _sums(DayFigures.objects.all(), REPORT_COUNTS, span, choice.reports())
    posts = _sums(PostDayFigures.objects.all(), POST_COUNTS, span, choice.posts())
    return [
        {"start": start, **_of_reports(reports, start), **_of_posts(posts, start)}
        for start in span.starts()
    ]


def _sums(
    rows: QuerySet[Any], counts: tuple[str, ...], span: Span, conditions: dict[str, Any] | None
) -> dict[date, dict[str, int]] | None:
    if conditions is None:
        return None
    sums = (
        rows.filter(day__range=(span.since, span.until), **conditions)
        .values(start=Cast(Trunc("day", span.interval.value), DateField()))
        .annotate(**{f"sum_{name}": Sum(name) for name in counts})
    )
    return {period["start"]: {name: period[f"sum_{name}"] for name in counts} for period in sums}


def _of_reports(sums: dict[date, dict[str, int]] | None, start: date) -> dict[str, Any]:
    if sums is None:
        return dict.fromkeys(REPORT_COUNTS)
    return dict.fromkeys(REPORT_COUNTS, 0) | sums.get(start, {})


def _of_posts(sums: dict[date, dict[str, int]] | None, start: date) -> dict[str, Any]:
    if sums is None:
        return {"posts": None, "sentiment": None}
    counts = sums.get(start) or dict.fromkeys(POST_COUNTS, 0)
    return {"posts": counts["posts"], "sentiment": mean_tone(counts["tone"], counts["scored"])}


def mean_tone(thousandths: int, scored: int) -> float | None:
    """Return the mean sentiment of posts, from -1 to 1; None where none is known."""
    return round(thousandths / scored / 1000, 3) if scored else None
