"""Plans of crews' days to test with."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from reports.models import Crew, DispatchPlan, DispatchRoute, DispatchStop, Report
from tests.jobs.factories import make_result
from tests.reports.factories import make_crew

#: The result of a job that planned nothing.
NOTHING: dict[str, Any] = {
    "department": "streets",
    "day": "2026-12-01",
    "reserve_minutes": 0,
    "reports": 0,
    "left_out": {},
    "not_considered": {},
    "metres": 0,
    "travel_minutes": 0,
    "deadlines_kept": 0,
    "deadlines_missed": 0,
    "routes": [],
    "travel": {"source": "great_circle", "fault": "", "estimated_pairs": 0},
    "rounds": 1,
    "solutions": 0,
    "is_repeatable": True,
}


def next_monday() -> date:
    today = timezone.localdate()
    return today + timedelta(days=7 - today.weekday())


def at(clock: str) -> datetime:
    """A time of the planned day in the city's time zone."""
    hour, minute = map(int, clock.split(":"))
    zone = ZoneInfo(timezone.get_default_timezone_name())
    midnight = datetime.combine(next_monday(), datetime.min.time(), zone)
    return midnight.replace(hour=hour, minute=minute)


def make_plan(*reports: Report, crew: Crew | None = None, **overrides: Any) -> DispatchPlan:
    """A plan that gives these reports to a crew."""
    crew = crew or make_crew()
    kept = overrides.pop("result", None) or make_result(job_type="optimization", result=NOTHING)
    fields = {"department": crew.department, "day": next_monday()} | overrides
    plan = DispatchPlan.objects.create(result=kept, **fields)
    route = DispatchRoute.objects.create(
        plan=plan, crew=crew, begins_at=at("8:00"), ends_at=at("9:00"), metres=0, travel_seconds=0
    )
    times = dict.fromkeys(("arrives_at", "begins_at", "ends_at"), at("8:00"))
    for position, report in enumerate(reports, start=1):
        DispatchStop.objects.create(
            plan=plan, route=route, report=report, position=position, travel_seconds=0, metres=0,
            latitude=report.latitude, longitude=report.longitude, from_crew=report.crew, **times,
        )  # fmt: skip
    return plan
