"""Search for the best routes with OR-Tools. A program of its own, and a function for others.

`python -m reports.dispatch.search OPTIONS` reads a problem from its input and prints a line of JSON
for each better plan and each round that is done. OPTIONS is a JSON object: the fields of `Options`,
`start` (a plan to begin with) and `parent`, the id of the process without which this one ends.

It runs apart from the worker because OR-Tools holds Python's lock while it searches: a worker would
neither renew its lease nor notice that the job was cancelled.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from reports.dispatch.problem import (
    BY_ROUNDS,
    BY_TIME,
    LATE_UNITS,
    Options,
    Problem,
    Routes,
    Solution,
    Visit,
    problem_of,
)
from reports.dispatch.scheduling import cost

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NICENESS = 5  # a person who waits for a page comes first
DAY_SECONDS = 86_400
#: A usual round fails four times for each solution; a tiny problem may have no second solution.
FAILURES_PER_SOLUTION = 20
CLOCK = "clock"  # the dimension of the model that counts time


def improve(
    problem: Problem, options: Options, start: Solution | None, report: Callable[[Solution], None]
) -> Solution:
    """Search on from `start`; call `report` with each better plan and after each round.

    Each round begins at the best plan so far, and looks at the visits in an order of its own, which
    the seed decides. So a search that goes on from the end of a round finds what it would have
    found without the interruption.
    """
    until = time.monotonic() + options.seconds
    best = start or _nothing(problem)
    while best.rounds < options.rounds and problem.visits and problem.shifts:
        left = until - time.monotonic()
        if left <= 0 or not _Round(problem, options, best, report).run(left):
            best.stopped_by = BY_TIME
            break
        best.rounds += 1
        report(best)
    best.stopped_by = best.stopped_by or BY_ROUNDS
    report(best)
    return best


def _nothing(problem: Problem) -> Solution:
    routes: Routes = [[] for _ in problem.shifts]
    return Solution(routes=routes, cost=cost(problem, routes) or 0)


@dataclass(slots=True)
class _Round:
    """One round of the search. A node is a visit, in the order of this round, or a crew's home."""

    problem: Problem
    options: Options
    best: Solution
    report: Callable[[Solution], None]
    order: list[int] = field(init=False)
    solutions: int = 0

    def __post_init__(self) -> None:
        visits = enumerate(self.problem.visits)
        self.order = [number for number, visit in visits if visit.crews]
        random.Random(f"{self.options.seed}:{self.best.rounds}").shuffle(self.order)  # noqa: S311 - no secret

    def run(self, seconds: float) -> bool:
        """Search for at most so long; return whether the round is whole."""
        if not self.order:
            return True
        until = time.monotonic() + seconds
        manager, model = self._model()
        parameters = self._parameters(seconds)
        model.AddAtSolutionCallback(lambda: self._look(manager, model))
        failures = self.options.solutions * FAILURES_PER_SOLUTION
        model.AddSearchMonitor(model.solver().FailuresLimit(failures))
        model.CloseModelWithParameters(parameters)
        start = self._start(manager, model)
        if start is None:
            model.SolveWithParameters(parameters)
        else:
            model.SolveFromAssignmentWithParameters(start, parameters)
        return self.solutions >= self.options.solutions or time.monotonic() < until

    def _model(self) -> tuple[Any, Any]:
        homes = [len(self.order) + crew for crew in range(len(self.problem.shifts))]
        size = len(self.order) + len(homes)
        manager = pywrapcp.RoutingIndexManager(size, len(homes), homes, homes)
        model = pywrapcp.RoutingModel(manager)
        travel = self._travel()
        costs = [[LATE_UNITS * seconds for seconds in row] for row in travel]
        model.SetArcCostEvaluatorOfAllVehicles(model.RegisterTransitMatrix(costs))
        services = [self.problem.visits[visit].service for visit in self.order] + [0] * len(homes)
        steps = [
            [to + service for to in row] for row, service in zip(travel, services, strict=True)
        ]
        model.AddDimension(
            model.RegisterTransitMatrix(steps), DAY_SECONDS, 2 * DAY_SECONDS, False, CLOCK
        )
        self._add_visits(manager, model)
        self._add_shifts(model)
        return manager, model

    def _travel(self) -> list[list[int]]:
        """Return the travel in seconds between nodes."""
        places = [self.problem.visits[visit].place for visit in self.order]
        nodes = [*places, *(shift.home for shift in self.problem.shifts)]
        return [[self.problem.travel(start, end)[0] for end in nodes] for start in nodes]

    def _add_visits(self, manager: Any, model: Any) -> None:
        clock = model.GetDimensionOrDie(CLOCK)
        for node, number in enumerate(self.order):
            visit, index = self.problem.visits[number], manager.NodeToIndex(node)
            model.AddDisjunction([index], LATE_UNITS * visit.worth)
            model.VehicleVar(index).SetValues([-1, *visit.crews])  # -1: it is left out
            if visit.due is not None and visit.late_cost:
                latest = max(0, self._due_without_pause(visit) - visit.service)
                clock.SetCumulVarSoftUpperBound(index, latest, visit.late_cost)

    def _due_without_pause(self, visit: Visit) -> int:
        """Return when a visit is due by a clock that stands still during the break."""
        pauses = [self.problem.shifts[crew].pause for crew in visit.crews]
        passed = [
            pause.seconds if visit.due > pause.latest else 0
            for pause in pauses
            if pause is not None and visit.due is not None
        ]
        return (visit.due or 0) - max(passed, default=0)

    def _add_shifts(self, model: Any) -> None:
        """Add the shifts, shorter by their breaks.

        Breaks of OR-Tools slow the search down 50 times. Here a break takes its time from the
        shift, and `scheduling` finds its place in each solution; one without a place counts for
        nothing.
        """
        clock = model.GetDimensionOrDie(CLOCK)
        for crew, shift in enumerate(self.problem.shifts):
            rest = shift.pause.seconds if shift.pause else 0
            clock.CumulVar(model.Start(crew)).SetValue(shift.begins)
            clock.CumulVar(model.End(crew)).SetMax(shift.ends - rest)

    def _parameters(self, seconds: float) -> Any:
        parameters = pywrapcp.DefaultRoutingSearchParameters()
        parameters.first_solution_strategy = (
            routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
        )
        parameters.local_search_metaheuristic = (
            routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        )
        parameters.solution_limit = self.options.solutions
        parameters.time_limit.FromMilliseconds(max(1, int(seconds * 1000)))
        return parameters

    def _start(self, manager: Any, model: Any) -> Any:
        """Return the best plan so far as the solver takes it; None where there is none."""
        if not any(self.best.routes):
            return None
        node_of = {visit: node for node, visit in enumerate(self.order)}
        routes = [
            [manager.NodeToIndex(node_of[visit]) for visit in visits] for visits in self.best.routes
        ]
        return model.ReadAssignmentFromRoutes(routes, True)

    def _look(self, manager: Any, model: Any) -> None:
        """Report the solution at which the solver has arrived, if it is the best so far."""
        self.solutions += 1
        self.best.solutions += 1
        routes = [self._route(manager, model, crew) for crew in range(len(self.problem.shifts))]
        total = cost(self.problem, routes)
        if total is not None and total < self.best.cost:
            self.best.routes, self.best.cost = routes, total
            self.report(self.best)

    def _route(self, manager: Any, model: Any, crew: int) -> list[int]:
        index, visits = model.NextVar(model.Start(crew)).Value(), []
        while not model.IsEnd(index):
            visits.append(self.order[manager.IndexToNode(index)])
            index = model.NextVar(index).Value()
        return visits


def main() -> None:
    """Search on behalf of the process that started this one."""
    options = json.loads(sys.argv[1])
    _end_with(options.pop("parent"))
    os.nice(NICENESS)
    start = options.pop("start")
    problem = problem_of(sys.stdin.read())
    improve(problem, Options(**options), Solution(**start) if start else None, _print)


def _print(solution: Solution) -> None:
    print(json.dumps(asdict(solution)), flush=True)


def _end_with(parent: int) -> None:
    """Have the kernel end this process when its parent, a worker, is killed (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call above
        sys.exit("The worker has ended.")


if __name__ == "__main__":
    main()
