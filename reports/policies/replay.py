"""Replay a history of reports under a policy: a simulation of the crews that take them up.

It knows no database: events in, times out. One replay is independent of all others, and the same
events and rules always give the same times. So replays may run anywhere, in any order.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from reports.policies.hours import OpenHours
from reports.policies.rules import Rules

ARRIVAL, ME_TOO, LEAVING = range(3)
#: The states of a report in a replay.
_WAITING, _TAKEN, _GONE = range(3)


class Event(NamedTuple):
    """Something that happened to a report. Only arrivals have what follows `report`.

    Attributes:
        at: when, in hours since the history began.
        kind: ARRIVAL; ME_TOO: another person has the problem; LEAVING: it needs no crew any more,
            as it was withdrawn, rejected or a duplicate.
        report: the report's number: 0 for the first that arrives, then one more for each.
        work: how many hours a crew will need.
    """

    at: float
    kind: int
    report: int
    department: int = 0
    severity: int = 0
    due: float = math.inf
    work: float = 0.0


@dataclass(frozen=True, slots=True)
class Hands:
    """The crews of a department, each of which does one report at a time, and when they work."""

    crews: int
    hours: OpenHours


@dataclass(frozen=True, slots=True)
class Replayed:
    """When each report was taken up and done, by its number; NaN for those that were not."""

    started: array[float]
    done: array[float]
    events: int


def replay(events: Iterable[Event], departments: Sequence[Hands], rules: Rules) -> Replayed:
    """Return when each report is done if crews take them up in the order of the policy.

    Goes on after the last event until all reports are done.

    Args:
        events: in the order of their times.
        departments: by the numbers that the events use.
    """
    simulation = _Simulation(departments, rules)
    count = 0
    for event in events:
        simulation.advance(event.at)
        simulation.handle(event)
        count += 1
    simulation.advance(math.inf)
    return Replayed(simulation.started, simulation.done, count)


class _Simulation:
    """The state of a replay: what waits in each department, and what its crews do."""

    def __init__(self, departments: Sequence[Hands], rules: Rules) -> None:
        self.rules = rules
        self.hours = [department.hours for department in departments]
        self.crews = [max(department.crews, 1) for department in departments]
        self.idle = list(self.crews)
        numbers = range(len(departments))
        # (place, report): may hold entries that do not count any more; those differ from `place`.
        self.queues: list[list[tuple[float, int]]] = [[] for _ in numbers]
        self.escalations: list[list[tuple[float, int]]] = [[] for _ in numbers]
        self.waiting = [0 for _ in numbers]
        self.opens = [False for _ in numbers]  # whether an opening stands in `coming`
        # (time, department, report): a crew is done, or the department opens where report is -1.
        self.coming: list[tuple[float, int, int]] = []
        self.department, self.severity = array("h"), array("b")
        self.arrived, self.due, self.work = array("d"), array("d"), array("d")
        self.place, self.neighbours, self.state = array("d"), array("i"), array("b")
        self.earlier_by = array("d")  # by escalation
        self.started, self.done = array("d"), array("d")

    def handle(self, event: Event) -> None:
        if event.kind == ARRIVAL:
            self._arrive(event)
        elif self.state[event.report] == _WAITING:
            if event.kind == ME_TOO:
                self.neighbours[event.report] += 1
                self._enqueue(event.report)
            else:
                self.state[event.report] = _GONE
                self.waiting[self.department[event.report]] -= 1

    def advance(self, until: float) -> None:
        """Carry out the events up to this time: crews finish reports, departments open."""
        coming = self.coming
        while coming and coming[0][0] <= until:
            now, department, report = heappop(coming)
            if report < 0:
                self.opens[department] = False
            else:
                self.done[report] = now
                self.idle[department] += 1
            self._dispatch(department, now)

    def _arrive(self, event: Event) -> None:
        self.department.append(event.department)
        self.severity.append(event.severity)
        self.arrived.append(event.at)
        self.due.append(event.due)
        self.work.append(event.work)
        self.neighbours.append(0)
        self.earlier_by.append(0.0)
        self.state.append(_WAITING)
        self.place.append(0.0)
        self.started.append(math.nan)
        self.done.append(math.nan)
        self.waiting[event.department] += 1
        self._enqueue(event.report)
        escalates_at = self.rules.escalates_at(event.due)
        if escalates_at < math.inf:
            heappush(self.escalations[event.department], (escalates_at, event.report))
        if self.idle[event.department]:
            self._dispatch(event.department, event.at)
        if self.rules.help_above is not None:
            self._call_for_help(event.department, event.at)

    def _enqueue(self, report: int) -> None:
        """Put a report into the queue of its department, in place of its earlier entry."""
        place = self.rules.place(
            self.arrived[report], self.severity[report], self.due[report], self.neighbours[report]
        )
        place -= self.earlier_by[report]
        self.place[report] = place
        heappush(self.queues[self.department[report]], (place, report))

    def _dispatch(self, department: int, now: float) -> None:
        """Assign idle crews of a department to the first reports of its queue."""
        if not self._is_open(department, now):
            return
        while self.idle[department] and self.waiting[department]:
            self._start(self._next(department, now), department, now)
        if self.idle[department] and self.rules.help_above is not None:
            self._help(department, now)

    def _is_open(self, department: int, now: float) -> bool:
        """Return whether a department works now; if not, have it begin when it opens."""
        opening = self.hours[department].next_opening(now)
        if opening > now and not self.opens[department]:
            self.opens[department] = True
            heappush(self.coming, (opening, department, -1))
        return opening <= now

    def _next(self, department: int, now: float) -> int:
        """Take the first report out of the queue of a department in which one waits."""
        escalations, queue = self.escalations[department], self.queues[department]
        while escalations and escalations[0][0] <= now:
            _, report = heappop(escalations)
            if self.state[report] == _WAITING:
                self.earlier_by[report] = self.rules.escalation_hours
                self._enqueue(report)
        while True:
            place, report = heappop(queue)
            if self.state[report] == _WAITING and self.place[report] == place:
                return report

    def _start(self, report: int, by: int, now: float) -> None:
        """Have a crew of department `by` take up a report."""
        self.state[report] = _TAKEN
        self.waiting[self.department[report]] -= 1
        self.idle[by] -= 1
        self.started[report] = now
        heappush(self.coming, (self.hours[by].end_of(now, self.work[report]), by, report))

    def _help(self, helper: int, now: float) -> None:
        """Assign idle crews of a department to reports of the most burdened department."""
        while self.idle[helper]:
            burdens = [count / crews for count, crews in zip(self.waiting, self.crews, strict=True)]
            most = max(range(len(burdens)), key=burdens.__getitem__)
            if burdens[most] <= (self.rules.help_above or 0.0):
                return
            self._start(self._next(most, now), helper, now)

    def _call_for_help(self, department: int, now: float) -> None:
        """Let one idle crew of another department help one whose queue is too long."""
        if self.waiting[department] / self.crews[department] <= (self.rules.help_above or 0.0):
            return
        for helper, idle in enumerate(self.idle):
            if idle and helper != department and self.hours[helper].next_opening(now) <= now:
                self._help(helper, now)
                return
