"""Make the plan of a day: gather, search, and keep the best so far as it improves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

import jobs
from jobs.failpoints import failpoint
from reports.dispatch import improving, keeping, scheduling
from reports.dispatch.gathering import Day, Order, gather
from reports.dispatch.keeping import Figures
from reports.dispatch.osrm import Travel, travel_between
from reports.dispatch.problem import Options, Problem, Solution, Visit
from reports.models import LeftOutReason

#: A better plan is kept at once, unless one was kept just before; then it is kept after this.
KEEPING_SECONDS = 2.0
SHOWING_SECONDS = 0.25


def make(order: Order, options: Options, task: jobs.RunningTask) -> dict[str, Any]:
    """Make the plan as a job, and return its result.

    A plan that was kept by an earlier attempt is improved further. If the job is cancelled, the
    best plan so far stays kept.

    Raises:
        TaskCancelled, LeaseLost: as `RunningTask.progress`.
        DispatchUnavailable: OR-Tools is not installed.
        SearchBroke: the search ended early; another attempt goes on from its last round.
    """
    task.progress(0.0, "gathering")
    day = gather(order)
    travel = travel_between(day.places)
    problem = _problem(day, travel)
    making = _Making(task, order, options, day, travel, problem)
    task.progress(0.0, "searching", **making.counts())
    making.search()
    return making.result()


def _problem(day: Day, travel: Travel) -> Problem:
    """Return the numbers of the day; visits that no crew reaches are noted as left out."""
    problem = Problem(
        shifts=day.shifts, visits=day.visits, seconds=travel.seconds, metres=travel.metres
    )
    reached = list(_within_reach(problem))
    for report, visit in zip(day.reports, reached, strict=True):
        if not visit.crews:
            day.left_out.append((report, LeftOutReason.TOO_FAR))
    return replace(problem, visits=reached)


def _within_reach(problem: Problem) -> Iterator[Visit]:
    for number, visit in enumerate(problem.visits):
        yield replace(visit, crews=tuple(scheduling.reachable_by(problem, number)))


@dataclass(slots=True)
class _Making:
    """A plan in the making."""

    task: jobs.RunningTask
    order: Order
    options: Options
    day: Day
    travel: Travel
    problem: Problem
    best: Solution = field(init=False)
    kept_at: float = 0.0
    shown_at: float = 0.0
    is_kept: bool = False
    is_begun: bool = False

    def __post_init__(self) -> None:
        routes = self._kept_routes()
        kept: dict[str, Any] = self.task.checkpoint or {}
        self.best = Solution(
            routes=routes,
            cost=scheduling.cost(self.problem, routes) or 0,
            rounds=kept.get("rounds", 0),
            solutions=kept.get("solutions", 0),
        )

    def search(self) -> None:
        """Search, and keep what is found; also what was found when the job is cancelled."""
        try:
            with closing(improving.improve(self.problem, self.options, self.best)) as search:
                for solution in search:
                    if solution is not None:
                        self._take(solution)
                    self._show()
        except jobs.TaskCancelled:
            if not self.is_kept:
                self._keep(is_partial=True)
            raise
        self._keep(is_partial=False)

    def result(self) -> dict[str, Any]:
        """Return the result of the job as it stands."""
        return keeping.as_result(self.order, self.day, self.travel, self._figures())

    def counts(self) -> dict[str, int]:
        """Return the figures of the best plan so far that the job's progress shows."""
        figures = self._figures()
        return {
            "reports": figures.reports,
            "metres": figures.metres,
            "deadlines_kept": figures.deadlines_kept,
            "rounds": self.best.rounds,
            "solutions": self.best.solutions,
        }

    def _show(self) -> None:
        """Show the progress, which also asks whether to stop; not for each of many better plans."""
        if time.monotonic() - self.shown_at >= SHOWING_SECONDS:
            share = self.best.rounds / self.options.rounds
            self.task.progress(share, "searching", **self.counts())
            self.shown_at = time.monotonic()

    def _take(self, solution: Solution) -> None:
        is_round = solution.rounds > self.best.rounds
        self.best, self.is_kept = solution, False
        if is_round or time.monotonic() - self.kept_at >= KEEPING_SECONDS:
            self._keep(is_partial=True, is_round=is_round)

    def _keep(self, *, is_partial: bool, is_round: bool = False) -> None:
        with self.task.effects():
            kept = jobs.keep_result(
                self.result(), inputs=self._inputs(), seed=self.options.seed, is_partial=is_partial
            )
            keeping.store(kept, self.day, self._figures(), is_first=not self.is_begun)
            if is_round:
                self.task.save_checkpoint(self._checkpoint())
        self.kept_at, self.is_kept, self.is_begun = time.monotonic(), True, True
        failpoint("dispatch.kept")

    def _figures(self) -> Figures:
        return keeping.figures_of(self.problem, self.best)

    def _inputs(self) -> dict[str, Any]:
        resolved = {
            "day": self.order.day.isoformat(),
            "crews": [crew.pk for crew in self.day.crews],
            "reserve_minutes": self.day.reserve_minutes,
            "fingerprint": self.day.fingerprint(),
        }
        search = asdict(self.options)
        search.pop("seed")
        return asdict(self.order) | search | resolved

    def _checkpoint(self) -> dict[str, Any]:
        """Return the best plan by the ids of its crews and reports, whose numbers may change."""
        routes = {
            str(crew.pk): [str(self.day.reports[visit].pk) for visit in visits]
            for crew, visits in zip(self.day.crews, self.best.routes, strict=True)
        }
        return {"rounds": self.best.rounds, "solutions": self.best.solutions, "routes": routes}

    def _kept_routes(self) -> list[list[int]]:
        """Return the routes of an earlier attempt, without what cannot be planned any more."""
        kept: dict[str, Any] = (self.task.checkpoint or {}).get("routes", {})
        number_of = {report.pk: number for number, report in enumerate(self.day.reports)}
        routes = []
        for number, crew in enumerate(self.day.crews):
            named = [number_of.get(UUID(pk)) for pk in kept.get(str(crew.pk), [])]
            visits = [
                visit
                for visit in named
                if visit is not None and number in self.problem.visits[visit].crews
            ]
            fits = scheduling.schedule(self.problem, number, visits) is not None
            routes.append(visits if fits else [])
        return routes
