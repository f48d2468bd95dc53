"""Routes as numbers: their times, their breaks, and the search for the best."""

from __future__ import annotations

import random
from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest

from reports.dispatch.problem import (
    BY_ROUNDS,
    BY_TIME,
    Options,
    Pause,
    Problem,
    Shift,
    Solution,
    Visit,
    problem_of,
)
from reports.dispatch.scheduling import cost, schedule, schedules
from reports.dispatch.search import improve
from reports.dispatch.travel import Streets, great_circle

HOUR, MINUTE = 3_600, 60
EIGHT, NOON, FOUR = 8 * HOUR, 12 * HOUR, 16 * HOUR


def visit(place: int, **overrides: Any) -> Visit:
    values: dict[str, Any] = {"service": 30 * MINUTE, "worth": 3 * HOUR, "crews": (0,)}
    return Visit(place=place, **values | overrides)


def on_a_line(*visits: Visit, shift: Shift | None = None, shifts: int = 1) -> Problem:
    """Places a quarter of an hour from each other, in a row; the crews' home is the first."""
    size = max(one.place for one in visits) + 1
    seconds = [[15 * MINUTE * abs(a - b) for b in range(size)] for a in range(size)]
    metres = [[6_000 * abs(a - b) for b in range(size)] for a in range(size)]
    shift = shift or Shift(begins=EIGHT, ends=FOUR, home=0)
    return Problem(shifts=[shift] * shifts, visits=list(visits), seconds=seconds, metres=metres)


def scattered(count: int, *, crews: int = 1, **overrides: Any) -> Problem:
    rng = random.Random(7)
    places = [(34 + rng.random() / 5, -118 + rng.random() / 5) for _ in range(count + 1)]
    seconds, metres = great_circle(places, Streets())
    visits = [visit(place, crews=tuple(range(crews)), **overrides) for place in range(1, count + 1)]
    shift = Shift(begins=EIGHT, ends=FOUR, home=0)
    return Problem(shifts=[shift] * crews, visits=visits, seconds=seconds, metres=metres)


def search(problem: Problem, start: Solution | None = None, **options: Any) -> Solution:
    chosen = Options(**{"rounds": 1, "solutions": 100, "seconds": 60} | options)
    return improve(problem, chosen, start, lambda _: None)


def test_a_route_has_the_times_of_its_travel_and_work() -> None:
    route = schedule(on_a_line(visit(1), visit(3)), 0, [0, 1])
    assert route is not None
    times = [(stop.arrives, stop.ends) for stop in route.stops]
    first, second = EIGHT + 15 * MINUTE, EIGHT + 75 * MINUTE
    assert times == [(first, first + 30 * MINUTE), (second, second + 30 * MINUTE)]
    assert (route.back, route.metres) == (second + 75 * MINUTE, 36_000)


def test_a_route_that_ends_after_the_shift_does_not_fit() -> None:
    problem = on_a_line(visit(1), shift=Shift(begins=EIGHT, ends=EIGHT + HOUR, home=0))
    assert schedule(problem, 0, [0]) is not None
    late = on_a_line(visit(1), shift=Shift(begins=EIGHT, ends=EIGHT + HOUR - 1, home=0))
    assert schedule(late, 0, [0]) is None


def test_without_a_home_the_first_and_last_drive_are_free() -> None:
    route = schedule(on_a_line(visit(9), shift=Shift(begins=EIGHT, ends=FOUR)), 0, [0])
    assert route is not None
    assert (route.metres, route.stops[0].arrives) == (0, EIGHT)


@pytest.mark.parametrize("service", [30, 50, 70])
def test_a_break_is_taken_between_visits_within_its_bounds(service: int) -> None:
    pause = Pause(earliest=NOON - HOUR, latest=NOON + HOUR, seconds=30 * MINUTE)
    shift = Shift(begins=EIGHT, ends=FOUR, home=0, pause=pause)
    visits = [visit(1, service=service * MINUTE) for _ in range(5)]
    route = schedule(on_a_line(*visits, shift=shift), 0, range(5))
    assert route is not None
    begins = route.pause_begins
    if begins is None:
        assert route.back <= pause.latest
        return
    assert pause.earliest <= begins <= pause.latest
    ends = begins + pause.seconds
    assert all(stop.ends <= begins or stop.begins >= ends for stop in route.stops)
    assert route.back == EIGHT + (2 * 15 + 5 * service + 30) * MINUTE


def test_work_that_leaves_no_place_for_the_break_does_not_fit() -> None:
    pause = Pause(earliest=NOON - HOUR, latest=NOON, seconds=30 * MINUTE)
    shift = Shift(begins=EIGHT, ends=FOUR, home=0, pause=pause)
    assert schedule(on_a_line(visit(1, service=7 * HOUR), shift=shift), 0, [0]) is None


def test_the_search_finds_the_shortest_of_all_orders() -> None:
    problem = scattered(6)
    best = min(cost(problem, [list(order)]) or 0 for order in permutations(range(6)))
    assert search(problem).cost == best


def test_crews_get_only_what_they_can_do() -> None:
    problem = on_a_line(visit(1), visit(2, crews=(1,)), visit(3, crews=()), shifts=2)
    solution = search(problem)
    assert solution.routes == [[0], [1]]


def test_what_is_worth_more_comes_first_where_time_is_short() -> None:
    shift = Shift(begins=EIGHT, ends=EIGHT + HOUR, home=0)
    worthy = visit(1, worth=9 * HOUR)
    problem = on_a_line(visit(1), worthy, visit(2), shift=shift)
    assert 1 in search(problem).routes[0]


def test_a_deadline_of_the_day_is_kept_though_the_way_is_longer() -> None:
    due = EIGHT + 2 * HOUR
    near = [visit(place) for place in (1, 2, 3)]
    problem = on_a_line(*near, visit(4, due=due, late_cost=4))
    solution = search(problem)
    (route,) = schedules(problem, solution.routes) or []
    stop = next(stop for stop in route.stops if stop.visit == 3)
    assert stop.ends <= due
    assert sorted(solution.routes[0]) == [0, 1, 2, 3]


def test_a_search_that_is_interrupted_after_a_round_finds_the_same() -> None:
    problem = scattered(12, crews=2)
    rounds: list[Solution] = []
    options = Options(seed=3, rounds=3, solutions=40)
    whole = improve(problem, options, None, lambda solution: rounds.append(deepcopy(solution)))
    first = next(solution for solution in rounds if solution.rounds == 1)
    assert improve(problem, options, deepcopy(first), lambda _: None) == whole
    last = next(solution for solution in rounds if solution.rounds == 3)
    assert improve(problem, options, deepcopy(last), lambda _: None) == whole
    assert whole.stopped_by == BY_ROUNDS


def test_a_search_without_time_says_so() -> None:
    solution = search(scattered(12), rounds=200, seconds=0.2)
    assert solution.stopped_by == BY_TIME
    assert solution.rounds < 200


def test_a_day_with_one_report_ends_at_once() -> None:
    solution = search(on_a_line(visit(1)), rounds=3)
    assert (solution.routes, solution.stopped_by) == ([[0]], BY_ROUNDS)


@pytest.mark.parametrize(
    "problem", [scattered(0), Problem(shifts=[], visits=[], seconds=[], metres=[])]
)
def test_nothing_to_do_is_a_plan_too(problem: Problem) -> None:
    solution = search(problem)
    assert (sum(map(len, solution.routes)), solution.stopped_by) == (0, BY_ROUNDS)


def test_a_problem_survives_json() -> None:
    pause = Pause(earliest=NOON, latest=NOON + HOUR, seconds=1_800)
    problem = on_a_line(visit(1, due=9), shift=Shift(begins=1, ends=2, pause=pause))
    assert problem_of(problem.as_json()) == problem


def test_the_great_circle_is_as_long_as_it_is() -> None:
    """A degree of a meridian on the sphere of the mean radius is 111,195 m (IUGG)."""
    seconds, metres = great_circle([(0, 0), (1, 0), (0, 180)], Streets(factor=1.0, kmh=36))
    assert metres[0][1] == metres[1][0] == 111_195
    assert seconds[0][1] == 11_120  # of 10 m/s
    assert metres[0][2] == 20_015_114
    assert metres[0][0] == 0
