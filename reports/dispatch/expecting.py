"""The time that crews keep free for urgent reports that are still to come."""

from __future__ import annotations

from datetime import date, timedelta

from django.conf import settings
from django.db.models import Count, F, FloatField, Q, Sum, Value
from django.db.models.functions import Coalesce, Now

from reports.models import ArrivalForecast, Department, Report, Severity

#: Over so many days is counted how many reports are urgent.
PERIOD = timedelta(days=90)
URGENT = (Severity.HIGH, Severity.CRITICAL)
#: What a forecast reserves of a shift at most.
RESERVE_MAXIMUM_MINUTES = 120


def reserve_of(department: Department, day: date, crews: int, asked: int | None) -> int:
    """Return the minutes that each crew keeps free at the end of its shift.

    They are those that were asked for. Otherwise they are the work of the urgent reports that the
    newest forecast of arrivals expects on that day, divided among the crews; none without one.
    """
    if asked is not None or not crews:
        return asked or 0
    minutes = _expected_minutes(department, day) * _urgent_share(department) / crews
    return min(round(minutes), RESERVE_MAXIMUM_MINUTES)


def _expected_minutes(department: Department, day: date) -> float:
    """Return the minutes of work that the arrivals of that day bring the department."""
    below = Department.objects.below(department)
    expected = ArrivalForecast.objects.filter(day=day, area=None, category__department__in=below)
    default = Value(settings.DISPATCH_SERVICE_MINUTES)
    minutes = F("expected") * Coalesce("category__service_minutes", default)
    work = expected.aggregate(minutes=Sum(minutes, output_field=FloatField()))
    return float(work["minutes"] or 0)


def _urgent_share(department: Department) -> float:
    """Return which share of the department's reports is urgent, from 0 to 1."""
    below = Department.objects.below(department)
    recent = Report.objects.filter(department__in=below, created_at__gt=Now() - PERIOD)
    counts = recent.aggregate(all=Count("pk"), urgent=Count("pk", Q(severity__in=URGENT)))
    return float(counts["urgent"] / counts["all"]) if counts["all"] else 0.0
