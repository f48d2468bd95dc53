"""Plans of crews' days beside two simple rules, on the same day with the same constraints.

- *Nearest first*: the crew that is free first drives to the nearest report that it can still do.
- *Deadline order*: the crew that is free first takes the report that is due first.

The reports are real requests, `../shared/data/losangeles_2018.csv` where that is at hand, else
generated ones. Crews have a home, a shift, a break, and not all of them do everything. On a *full*
day there is more to do than the crews can; on a *light* one they do it all.
"""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from benchmarks.results import Target
from benchmarks.services import BASE_DIR, Services
from reports.dispatch import scheduling
from reports.dispatch.problem import (
    BY_ROUNDS,
    LATE_UNITS,
    Options,
    Pause,
    Problem,
    Routes,
    Shift,
    Visit,
)
from reports.dispatch.search import improve
from reports.dispatch.travel import Place, Streets, great_circle

TARGETS: Mapping[str, Target] = {
    "gain_over_nearest_first": Target(0.2, 0.25),
    "gain_over_deadline_order": Target(0.2, 0.5),
    "deadlines_kept_beside_nearest_first": Target(1, 1.1),
    "repeated_alike": Target(1, 1),
}
FILE = Path(os.environ.get("REQUESTS", BASE_DIR.parent / "shared/data/losangeles_2018.csv"))
DAY = datetime(2018, 1, 4)  # noqa: DTZ001 - as the clocks of the city show it
BACKLOG = 450  # the latest requests of an area, of which the days take every third, fourth, …
AREAS = ("Central APC", "South Los Angeles APC", "South Valley APC")
#: Of each kind: minutes at the place, and hours until the deadline.
KINDS = {
    "Bulky Items": (12, 48),
    "Graffiti Removal": (25, 24),
    "Illegal Dumping Pickup": (25, 24),
    "Metal/Household Appliances": (15, 48),
    "Electronic Waste": (10, 48),
    "Homeless Encampment": (30, 24),
    "Dead Animal Removal": (10, 12),
    "Single Streetlight Issue": (40, 24),
}
#: What only some crews can do, by the number of a crew divided by this.
SPECIALISTS = {"Graffiti Removal": 2, "Single Streetlight Issue": 3}
HOUR, MINUTE = 3_600, 60
SECONDS = 600  # so long that only rounds end a search
BEGINS, ENDS = 8 * HOUR, 16 * HOUR + 30 * MINUTE
PAUSE = Pause(earliest=11 * HOUR + 30 * MINUTE, latest=12 * HOUR + 30 * MINUTE, seconds=30 * MINUTE)
WORTH, LATE_COST = 43_200, 1  # as of medium severity, see `reports.dispatch.gathering`


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a citizen."""

    kind: str
    place: Place
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Size:
    """How many reports and crews a day has, and how long is searched."""

    full: tuple[int, int] = (100, 4)
    light: tuple[int, int] = (50, 4)
    rounds: int = 5
    areas: int = 2


@dataclass(slots=True)
class Sums:
    """What a method achieves in all areas."""

    metres: int = 0
    done: int = 0
    kept: int = 0

    def add(self, problem: Problem, routes: Routes) -> None:
        """Add a plan, which must fit."""
        timed = scheduling.schedules(problem, routes)
        if timed is None:
            raise ValueError("A route does not fit into its shift.")
        stops = [stop for one in timed for stop in one.stops]
        due = {stop.visit: problem.visits[stop.visit].due for stop in stops}
        self.metres += sum(one.metres for one in timed)
        self.done += len(stops)
        self.kept += sum(stop.ends <= at for stop in stops if (at := due[stop.visit]) is not None)


Method = Callable[[Problem], Routes]


def run(_services: Services, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """Plan the days by each method, and compare kilometres, reports done and deadlines kept."""
    size = Size(full=(40, 3), light=(30, 3), rounds=2, areas=1) if quick else Size()
    requests = _requests(say)
    options = Options(seed=1, rounds=size.rounds, seconds=SECONDS)
    methods: dict[str, Method] = {
        "nearest_first": _nearest_first,
        "deadline_order": _deadline_order,
        "plan": lambda problem: _plan(problem, options),
    }
    figures: dict[str, float] = {}
    sums: dict[tuple[str, str], Sums] = {}
    for kind, (count, crews) in {"full": size.full, "light": size.light}.items():
        days = [_day(requests, area, count, crews) for area in AREAS[: size.areas]]
        figures[f"{kind}_reports"] = sum(len(day.visits) for day in days)
        for name, method in methods.items():
            say(f"dispatch: the {kind} day by {name}")
            total = sums[kind, name] = Sums()
            for day in days:
                total.add(day, method(day))
            figures |= _figures(f"{kind}_{name}", total)
    for name in ("nearest_first", "deadline_order"):
        gains = _gains(sums, name)
        figures |= {f"{gain}_than_{name}": value for gain, value in gains.items()}
        figures[f"gain_over_{name}"] = max(gains.values())
    kept = {name: sum(sums[kind, name].kept for kind in ("full", "light")) for name in methods}
    figures["deadlines_kept_beside_nearest_first"] = kept["plan"] / max(kept["nearest_first"], 1)
    figures["deadlines_kept_beside_deadline_order"] = kept["plan"] / max(kept["deadline_order"], 1)
    day = _day(requests, AREAS[0], 40, 3)
    repeated = Options(seed=9, rounds=2, seconds=SECONDS)
    figures["repeated_alike"] = float(_plan(day, repeated) == _plan(day, repeated))
    return figures


def _figures(name: str, total: Sums) -> dict[str, float]:
    return {
        f"{name}_km": total.metres / 1000,
        f"{name}_done": total.done,
        f"{name}_deadlines_kept": total.kept,
    }


def _gains(sums: Mapping[tuple[str, str], Sums], name: str) -> dict[str, float]:
    """Return by how much a plan drives less on the light day, and does more on the full one.

    Fewer kilometres count only where as many reports are done.
    """
    ours, theirs = sums["light", "plan"], sums["light", name]
    fewer = 1 - ours.metres / theirs.metres if ours.done >= theirs.done else 0.0
    more = sums["full", "plan"].done / sums["full", name].done - 1
    return {"fewer_km": fewer, "more_done": more}


# --- The methods ---------------------------------------------------------------------------------


def _plan(problem: Problem, options: Options) -> Routes:
    solution = improve(problem, options, None, lambda _: None)
    if solution.stopped_by != BY_ROUNDS:
        raise ValueError("The time was over before the rounds.")
    return solution.routes


def _nearest_first(problem: Problem) -> Routes:
    visits = problem.visits
    return _by_rule(problem, lambda place, visit: problem.travel(place, visits[visit].place)[0])


def _deadline_order(problem: Problem) -> Routes:
    visits = problem.visits
    return _by_rule(problem, lambda _place, visit: visits[visit].due or 10**9)


def _by_rule(problem: Problem, rank: Callable[[int | None, int], int]) -> Routes:
    """Let the crew that is free first take the visit of the lowest rank that still fits."""
    routes: Routes = [[] for _ in problem.shifts]
    free = {crew: shift.begins for crew, shift in enumerate(problem.shifts)}
    left = dict.fromkeys(range(len(problem.visits)))
    while free:
        crew = min(free, key=lambda one: (free[one], one))
        taken = _next(problem, crew, routes[crew], left, rank)
        if taken is None:
            del free[crew]
            continue
        visit, free[crew] = taken
        routes[crew].append(visit)
        del left[visit]
    return routes


def _next(
    problem: Problem,
    crew: int,
    route: list[int],
    left: Iterable[int],
    rank: Callable[[int | None, int], int],
) -> tuple[int, int] | None:
    """Return the crew's next visit, and when it is done; None if none fits any more."""
    place = problem.visits[route[-1]].place if route else problem.shifts[crew].home
    able = [visit for visit in left if crew in problem.visits[visit].crews]
    for visit in sorted(able, key=lambda one: (rank(place, one), one)):
        timed = scheduling.schedule(problem, crew, [*route, visit])
        if timed is not None:
            return visit, timed.stops[-1].ends
    return None


# --- The day -------------------------------------------------------------------------------------


def _day(requests: Mapping[str, list[Request]], area: str, count: int, crews: int) -> Problem:
    """Return a day of an area: a part of its requests before the day, and crews with one home."""
    chosen = requests[area][-BACKLOG:][:: BACKLOG // count][:count]
    home = (
        median(request.place[0] for request in chosen),
        median(request.place[1] for request in chosen),
    )
    seconds, metres = great_circle([home, *(request.place for request in chosen)], Streets())
    visits = [_visit(request, place, crews) for place, request in enumerate(chosen, start=1)]
    shift = Shift(begins=BEGINS, ends=ENDS, home=0, pause=PAUSE)
    return Problem(shifts=[shift] * crews, visits=visits, seconds=seconds, metres=metres)


def _visit(request: Request, place: int, crews: int) -> Visit:
    minutes, hours = KINDS[request.kind]
    every = SPECIALISTS.get(request.kind, 1)
    able = tuple(crew for crew in range(crews) if crew % every == 0)
    due = int((request.created_at + timedelta(hours=hours) - DAY).total_seconds())
    if due > ENDS:
        return Visit(place=place, service=minutes * MINUTE, worth=WORTH, crews=able)
    if due <= BEGINS:
        return Visit(place=place, service=minutes * MINUTE, worth=2 * WORTH, crews=able)
    worth = 2 * WORTH + LATE_COST * (ENDS - due) // LATE_UNITS
    return Visit(
        place=place, service=minutes * MINUTE, worth=worth, crews=able, due=due,
        late_cost=LATE_COST,
    )  # fmt: skip


def _requests(say: Callable[[str], None]) -> dict[str, list[Request]]:
    """Return the requests of each area before the day, in their order of time."""
    if not FILE.exists():
        say(f"dispatch: there is no {FILE}, so the requests are generated")
        return {area: _generated(number) for number, area in enumerate(AREAS)}
    requests: dict[str, list[Request]] = {area: [] for area in AREAS}
    with FILE.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["area"] not in requests or row["category"] not in KINDS or not row["latitude"]:
                continue
            created_at = datetime.fromisoformat(row["created_at"]).replace(tzinfo=None)
            if created_at < DAY:
                place = (float(row["latitude"]), float(row["longitude"]))
                requests[row["area"]].append(Request(row["category"], place, created_at))
    return requests


def _generated(number: int) -> list[Request]:
    """Return requests that crowd about some places, as real ones do."""
    rng = random.Random(number)
    centres = [(34 + rng.random() / 5, -118.4 + rng.random() / 5) for _ in range(12)]
    times = sorted(DAY - timedelta(hours=rng.uniform(0, 72)) for _ in range(BACKLOG))
    return [
        Request(rng.choice(list(KINDS)), (rng.gauss(y, 0.02), rng.gauss(x, 0.02)), at)
        for at in times
        for y, x in [rng.choice(centres)]
    ]
