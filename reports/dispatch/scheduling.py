"""When a crew is where: the times of a route, whether it fits into the shift, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.dispatch.problem import LATE_UNITS, Pause, Problem, Routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One visit of a route; the crew works there from `begins` to `ends`."""

    visit: int
    travel_seconds: int
    metres: int
    arrives: int
    begins: int
    ends: int


@dataclass(slots=True, kw_only=True)
class Schedule:
    """A route with its times; it ends at `back`, when the crew is home again."""

    crew: int
    stops: list[Stop] = field(default_factory=list)
    pause_begins: int | None = None
    back: int = 0
    travel_seconds: int = 0
    metres: int = 0
    late_cost: int = 0

    def add(self, stop: Stop) -> None:
        """Add the next stop, and its travel."""
        self.stops.append(stop)
        self.travel_seconds += stop.travel_seconds
        self.metres += stop.metres

    def is_within(self, problem: Problem) -> bool:
        """Return whether the crew is home by the end of its shift."""
        return self.back <= problem.shifts[self.crew].ends


def schedule(problem: Problem, crew: int, visits: Sequence[int]) -> Schedule | None:
    """Return the times of a crew's route, or None if it does not fit into the shift.

    The break is put where it makes the route least late, and then shortest.
    """
    plain, pause = _timed(problem, crew, visits), problem.shifts[crew].pause
    if not plain.is_within(problem):
        return None
    if pause is None or plain.back <= pause.latest:  # then the break comes after the work
        return plain
    legs = _legs(plain, pause, begins=problem.shifts[crew].begins)
    candidates = [_timed(problem, crew, visits, pause, leg) for leg in legs]
    fitting = [candidate for candidate in candidates if candidate.is_within(problem)]
    return min(fitting, key=lambda one: (one.late_cost, one.back), default=None)


def _legs(plain: Schedule, pause: Pause, *, begins: int) -> list[int]:
    """Return the drives on which the break may be: to the visit of this number, or home.

    On an earlier one the crew would wait, although it can do one more visit first.
    """
    leaves = [begins, *(stop.ends for stop in plain.stops)]
    last = len(leaves) - 1
    return [
        leg
        for leg, at in enumerate(leaves)
        if at <= pause.latest and (leg == last or leaves[leg + 1] > pause.earliest)
    ]


def _timed(
    problem: Problem,
    crew: int,
    visits: Sequence[int],
    pause: Pause | None = None,
    leg: int | None = None,
) -> Schedule:
    """Return the route with the break on one of its drives, or without one."""
    shift = problem.shifts[crew]
    route = Schedule(crew=crew)
    now, place = shift.begins, shift.home
    for number, visit in enumerate(visits):
        target = problem.visits[visit]
        seconds, metres = problem.travel(place, target.place)
        arrives = begins = now + seconds
        if pause is not None and leg == number:
            arrives, begins = _rested(route, pause, now, arrives)
        now, place = begins + target.service, target.place
        route.add(
            Stop(
                visit=visit, travel_seconds=seconds, metres=metres, arrives=arrives,
                begins=begins, ends=now,
            )
        )  # fmt: skip
        if target.due is not None:
            route.late_cost += target.late_cost * max(0, now - target.due)
    seconds, metres = problem.travel(place, shift.home) if visits else (0, 0)
    route.travel_seconds += seconds
    route.metres += metres
    route.back = now + seconds
    if pause is not None and leg == len(visits):
        _, route.back = _rested(route, pause, now, route.back)
    return route


def _rested(route: Schedule, pause: Pause, leaves: int, arrives: int) -> tuple[int, int]:
    """Take the break as early as possible on the way; return when the crew arrives and goes on."""
    route.pause_begins = max(leaves, pause.earliest)
    if route.pause_begins <= arrives:
        return arrives + pause.seconds, arrives + pause.seconds
    return arrives, route.pause_begins + pause.seconds


def schedules(problem: Problem, routes: Routes) -> list[Schedule] | None:
    """Return every crew's route with its times, or None if one does not fit."""
    timed = [schedule(problem, crew, visits) for crew, visits in enumerate(routes)]
    return None if None in timed else [route for route in timed if route is not None]


def cost(problem: Problem, routes: Routes) -> int | None:
    """Return what the routes cost in seconds of travel, or None if one does not fit.

    That is the travel itself, what comes late, and the worth of what is left out.
    """
    timed = schedules(problem, routes)
    if timed is None:
        return None
    done = {visit for visits in routes for visit in visits}
    left_out = sum(visit.worth for number, visit in enumerate(problem.visits) if number not in done)
    late = sum(route.late_cost for route in timed) // LATE_UNITS
    return left_out + late + sum(route.travel_seconds for route in timed)


def reachable_by(problem: Problem, visit: int) -> list[int]:
    """Return the crews that could do a visit if they did nothing else on that day."""
    crews = problem.visits[visit].crews
    return [crew for crew in crews if schedule(problem, crew, [visit]) is not None]
