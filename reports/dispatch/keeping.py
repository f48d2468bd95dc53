"""Keep a plan: its figures, its result as JSON, and the rows of its routes and stops."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from jobs.models import JobResult
from reports.dispatch import scheduling
from reports.dispatch.gathering import Day, Order
from reports.dispatch.osrm import Travel
from reports.dispatch.problem import BY_ROUNDS, Problem, Solution
from reports.dispatch.scheduling import Schedule
from reports.errors import PlanAlreadyApplied
from reports.models import (
    DispatchLeftOut,
    DispatchPlan,
    DispatchRoute,
    DispatchStop,
    LeftOutReason,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A plan with its times, and what it achieves.

    A deadline of the day is kept if the work ends before it; `deadlines_missed` counts what comes
    later, and what is left out although it is due on that day.
    """

    solution: Solution
    schedules: list[Schedule]
    reports: int
    metres: int
    travel_seconds: int
    deadlines_kept: int
    deadlines_missed: int


def figures_of(problem: Problem, solution: Solution) -> Figures:
    """Return the figures of routes that fit."""
    timed = scheduling.schedules(problem, solution.routes) or []
    stops = [stop for route in timed for stop in route.stops]
    due = {n: visit.due for n, visit in enumerate(problem.visits) if visit.due is not None}
    kept = sum(stop.visit in due and stop.ends <= due[stop.visit] for stop in stops)
    return Figures(
        solution=solution,
        schedules=timed,
        reports=len(stops),
        metres=sum(route.metres for route in timed),
        travel_seconds=sum(route.travel_seconds for route in timed),
        deadlines_kept=kept,
        deadlines_missed=len(due) - kept,
    )


def as_result(order: Order, day: Day, travel: Travel, figures: Figures) -> dict[str, Any]:
    """Return the result of the job, as `PlanResultSerializer` describes it.

    It holds no id of the job, so that equal plans have equal results.
    """
    left_out = Counter(str(reason) for _, reason in all_left_out(day, figures))
    return {
        "department": order.department,
        "day": order.day.isoformat(),
        "reserve_minutes": day.reserve_minutes,
        "reports": figures.reports,
        "left_out": dict(sorted(left_out.items())),
        "not_considered": dict(sorted(day.elsewhere.items())),
        "metres": figures.metres,
        "travel_minutes": round(figures.travel_seconds / 60),
        "deadlines_kept": figures.deadlines_kept,
        "deadlines_missed": figures.deadlines_missed,
        "routes": [_route_as_result(day, route) for route in figures.schedules],
        "travel": {
            "source": travel.source,
            "fault": travel.fault,
            "estimated_pairs": travel.estimated,
        },
        "rounds": figures.solution.rounds,
        "solutions": figures.solution.solutions,
        "is_repeatable": figures.solution.stopped_by == BY_ROUNDS and not travel.fault,
    }


def _route_as_result(day: Day, route: Schedule) -> dict[str, Any]:
    crew = day.crews[route.crew]
    return {
        "crew": crew.pk,
        "name": crew.name,
        "begins_at": day.moment(day.shifts[route.crew].begins).isoformat(),
        "ends_at": day.moment(route.back).isoformat(),
        "metres": route.metres,
        "reports": [str(day.reports[stop.visit].pk) for stop in route.stops],
    }


def all_left_out(day: Day, figures: Figures) -> list[tuple[Any, LeftOutReason]]:
    """Return the reports that the plan leaves out, with the reasons."""
    return [*day.left_out, *_without_time(day, figures)]


def _without_time(day: Day, figures: Figures) -> list[tuple[Any, LeftOutReason]]:
    settled = {report.pk for report, _ in day.left_out}
    settled |= {
        day.reports[stop.visit].pk for schedule in figures.schedules for stop in schedule.stops
    }
    return [(report, LeftOutReason.NO_TIME) for report in day.reports if report.pk not in settled]


def store(kept: JobResult, day: Day, figures: Figures, *, is_first: bool) -> DispatchPlan:
    """Store the plan in place of an earlier one of the same job, in the caller's transaction.

    `is_first` says that this attempt has stored none yet.

    Raises:
        PlanAlreadyApplied: somebody has applied the plan.
    """
    DispatchPlan.objects.get_or_create(
        result=kept, defaults={"department": day.department, "day": day.date}
    )
    plan = DispatchPlan.objects.select_for_update(of=("self",)).get(result=kept)
    if plan.applied_at is not None:
        raise PlanAlreadyApplied
    DispatchStop.objects.filter(plan=plan).delete()
    plan.routes.all().delete()
    _store_routes(plan, day, figures)
    stale = plan.left_out.all() if is_first else plan.left_out.filter(reason=LeftOutReason.NO_TIME)
    stale.delete()
    left_out = all_left_out(day, figures) if is_first else _without_time(day, figures)
    DispatchLeftOut.objects.bulk_create(
        DispatchLeftOut(plan=plan, report=report, reason=reason) for report, reason in left_out
    )
    return plan


def _store_routes(plan: DispatchPlan, day: Day, figures: Figures) -> None:
    routes = [_route(plan, day, route) for route in figures.schedules if route.stops]
    DispatchRoute.objects.bulk_create(routes)
    by_crew = {route.crew_id: route for route in routes}
    DispatchStop.objects.bulk_create(
        stop
        for route in figures.schedules
        if route.stops
        for stop in _stops(by_crew[day.crews[route.crew].pk], day, route)
    )


def _route(plan: DispatchPlan, day: Day, route: Schedule) -> DispatchRoute:
    crew, shift = day.crews[route.crew], day.shifts[route.crew]
    begins = route.pause_begins
    return DispatchRoute(
        plan=plan,
        crew=crew,
        begins_at=day.moment(shift.begins),
        ends_at=day.moment(route.back),
        pause_begins_at=None if begins is None else day.moment(begins),
        pause_minutes=0 if begins is None or shift.pause is None else shift.pause.seconds // 60,
        metres=route.metres,
        travel_seconds=route.travel_seconds,
        home_latitude=crew.home_latitude,
        home_longitude=crew.home_longitude,
    )


def _stops(route: DispatchRoute, day: Day, schedule: Schedule) -> list[DispatchStop]:
    return [
        DispatchStop(
            plan=route.plan,
            route=route,
            report=(report := day.reports[stop.visit]),
            position=position,
            arrives_at=day.moment(stop.arrives),
            begins_at=day.moment(stop.begins),
            ends_at=day.moment(stop.ends),
            travel_seconds=stop.travel_seconds,
            metres=stop.metres,
            latitude=report.latitude,
            longitude=report.longitude,
            due_at=report.due_at,
            from_crew_id=report.crew_id,
        )
        for position, stop in enumerate(schedule.stops, start=1)
    ]
