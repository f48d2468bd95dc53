"""Plans of crews' days to test with."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from rest_framework.test import APIClient

from jobs.testing import run_tasks
from reports.models import Category, Crew, DispatchPlan, DispatchRoute, DispatchStop, Report
from tests.jobs.factories import make_result
from tests.reports.factories import make_crew

PLANS = "/api/v1/dispatch-plans/"
HOME = (41.30, -72.90)
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


def north(kilometres: float) -> dict[str, float]:
    """A place so far north of the crews' home."""
    return {"latitude": HOME[0] + kilometres / 111.195, "longitude": HOME[1]}


def crew(name: str = "First crew", *skills: Category, **fields: Any) -> Crew:
    home = {"home_latitude": HOME[0], "home_longitude": HOME[1]}
    made = make_crew(name, **home | fields)
    made.categories.set(skills)
    return made


def start(client: APIClient, **payload: Any) -> Any:
    """The answer to the start of a plan of the streets department."""
    values = {"department": "streets", "day": next_monday().isoformat(), "rounds": 1} | payload
    return client.post("/api/v1/jobs/", {"job_type": "optimization", "payload": values})


def planned(client: APIClient, **payload: Any) -> dict[str, Any]:
    """The finished plan."""
    answer = start(client, **payload)
    assert answer.status_code == 202, answer.json()
    run_tasks()
    job = client.get(answer["Location"]).json()
    assert job["state"] == "succeeded", job
    plan: dict[str, Any] = client.get(f"{PLANS}{job['id']}/").json()
    return plan


def titles(plan: dict[str, Any]) -> dict[str, list[str]]:
    return {route["name"]: [stop["title"] for stop in route["stops"]] for route in plan["routes"]}


def act(client: APIClient, plan: DispatchPlan, what: str, status: int = 200) -> dict[str, Any]:
    answer = client.post(f"{PLANS}{plan.pk}/{what}/")
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status, body
    return body
