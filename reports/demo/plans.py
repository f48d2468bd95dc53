"""The demo city's plans for crews: one that is proposed, and one that was applied.

No search is needed for them, so that they are there without OR-Tools: each report goes to the crew
whose day has room for it and the fewest stops.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from uuid_utils.compat import uuid7

from jobs.models import JobResult
from reports.demo.city import City
from reports.dispatch import applying, gathering, keeping, scheduling
from reports.dispatch.actors import JOB_TYPE
from reports.dispatch.gathering import Day, Order
from reports.dispatch.osrm import Travel, travel_between
from reports.dispatch.problem import BY_ROUNDS, Problem, Routes, Solution
from reports.models import Crew, DispatchPlan

#: Of these departments; the plan of the first is applied.
DEPARTMENTS = ("sanitation", "streets")
#: As many as fit on a sheet of paper.
STOPS_OF_A_CREW = 6


def load(city: City) -> int:
    """Make the plans, unless there is any; return how many."""
    if DispatchPlan.objects.exists():
        return 0
    plans = [_make(Order(department=slug, day=day)) for slug, day in _orders(city)]
    if plans:
        applying.apply(plans[0], by=city.people.staff[DEPARTMENTS[0]])
    return len(plans)


def _orders(city: City) -> Iterator[tuple[str, date]]:
    """Yield each department with the next day on which its crews work."""
    for slug in DEPARTMENTS:
        crews = gathering.crews_of(city.departments[slug])
        days = (timezone.localdate() + timedelta(days=number) for number in range(1, 8))
        yield from ((slug, day) for day in _first(days, crews))


def _first(days: Iterator[date], crews: Sequence[Crew]) -> Iterator[date]:
    for day in days:
        if any(gathering.works_on(crew, day) for crew in crews):
            yield day
            return


def _make(order: Order) -> DispatchPlan:
    day = gathering.gather(order)
    travel = travel_between(day.places)
    problem = _problem(day, travel)
    routes = _routes(problem)
    solution = Solution(
        routes=routes, cost=scheduling.cost(problem, routes) or 0, stopped_by=BY_ROUNDS
    )
    figures = keeping.figures_of(problem, solution)
    result = keeping.as_result(order, day, travel, figures)
    with transaction.atomic():
        kept = JobResult.objects.create(
            task_id=uuid7(),
            job_type=JOB_TYPE,
            inputs={"department": order.department, "day": order.day.isoformat()},
            code_version="demo",
            result=result,
            is_partial=False,
            digest=hashlib.sha256(day.fingerprint().encode()).hexdigest(),
            created_at=Now(),
        )
        return keeping.store(kept, day, figures, is_first=True)


def _problem(day: Day, travel: Travel) -> Problem:
    """Return the numbers of the day, with the crews that reach each visit within their shift."""
    problem = Problem(
        shifts=day.shifts, visits=day.visits, seconds=travel.seconds, metres=travel.metres
    )
    reached = [
        replace(visit, crews=tuple(scheduling.reachable_by(problem, number)))
        for number, visit in enumerate(problem.visits)
    ]
    return replace(problem, visits=reached)


def _routes(problem: Problem) -> Routes:
    """Return for each crew its visits, those with the earliest deadlines first."""
    routes: Routes = [[] for _ in problem.shifts]
    dues = {number: visit.due or 0 for number, visit in enumerate(problem.visits)}
    for number in sorted(dues, key=dues.__getitem__):
        for crew in sorted(problem.visits[number].crews, key=lambda crew: len(routes[crew])):
            longer = [*routes[crew], number]
            fits = len(longer) <= STOPS_OF_A_CREW
            if fits and scheduling.schedule(problem, crew, longer) is not None:
                routes[crew] = longer
                break
    return routes
