"""How many reports came in each hour of the last day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from reports.models import ReportQuerySet

HOURS = 24
#: No more reports than these are looked at; a city that gets more a day looks at its figures.
COUNTED_MAXIMUM = 10_000


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour with its reports; `height` is in hundredths of the highest bar."""

    at: datetime
    count: int
    height: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The hours of the last day; not whole where more came than were counted."""

    hours: list[Hour]
    is_whole: bool

    @property
    def total(self) -> int:
        return sum(hour.count for hour in self.hours)


def of_last_day(reports: ReportQuerySet, now: datetime) -> Arrivals:
    """Return the last HOURS hours, the present one among them."""
    present = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    hours = [present - timedelta(hours=back) for back in reversed(range(HOURS))]
    newest = reports.filter(created_at__gte=hours[0]).order_by("-created_at", "-id")
    times = list(newest.values_list("created_at", flat=True)[:COUNTED_MAXIMUM])
    counts = Counter(int((at - hours[0]) / timedelta(hours=1)) for at in times)
    highest = max(counts.values(), default=1)
    return Arrivals(
        hours=[
            Hour(at, counts[number], round(100 * counts[number] / highest))
            for number, at in enumerate(hours)
        ],
        is_whole=len(times) < COUNTED_MAXIMUM,
    )
