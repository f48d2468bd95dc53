"""Replaying a history under a policy: who is taken up when, and what that achieves."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reports.policies import calibrating, judging, optimizer
from reports.policies.history import History, WorkTimes, split
from reports.policies.hours import OpenHours
from reports.policies.judging import Span
from reports.policies.optimizer import Tried
from reports.policies.replay import replay
from reports.policies.rules import BY_ARRIVAL, BY_DEADLINE, Rules
from tests.reports.policies.histories import busy_city, make_history

#: A week of working days, from eight to noon.
MORNINGS = tuple((24.0 * day + 8, 24.0 * day + 12) for day in range(5))


def order(history: History, rules: Rules, work: list[float]) -> list[int]:
    """Return the numbers of the reports in the order in which they are done."""
    hours = np.array(work)
    done = np.array(replay(history.events(hours), history.hands(hours, 0.0), rules).done)
    known = [number for number in range(len(done)) if not math.isnan(done[number])]
    return sorted(known, key=lambda number: (done[number], number))


def started(history: History, rules: Rules, work: list[float]) -> list[float]:
    hours = np.array(work)
    hands = history.hands(hours, rules.crew_shift)
    return list(replay(history.events(hours), hands, rules).started)


def test_working_hours_are_counted_across_nights() -> None:
    hours = OpenHours(MORNINGS)
    assert [hours.next_opening(at) for at in (0, 9, 12, 23, 500)] == [8, 9, 32, 32, 500]
    assert [hours.worked(at) for at in (0, 9, 12, 31, 33)] == [0, 1, 4, 4, 5]
    assert [hours.end_of(at, 3) for at in (8, 9, 10, 20)] == [11, 12, 33, 35]
    assert hours.end_of(9, 100) == 108 + 100 - 19, "past the last span it works on"
    assert OpenHours().end_of(5, 3) == 8


def test_working_hours_agree_with_counting_minute_by_minute() -> None:
    chance, hours = random.Random(1), OpenHours(MORNINGS)
    is_open = [any(a <= m / 60 < b for a, b in MORNINGS) for m in range(5 * 1440)]
    for _ in range(50):
        start, work = chance.randrange(0, 2000), chance.randrange(1, 400)
        left, minute = work, start
        while left:
            left -= is_open[minute]
            minute += 1
        assert hours.end_of(start / 60, work / 60) == pytest.approx(minute / 60)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (BY_ARRIVAL, [0, 1, 2, 3]),
        (BY_DEADLINE, [0, 2, 3, 1]),
        (Rules(severity_hours=10), [0, 3, 1, 2]),
        (Rules(severity_hours=0.2), [0, 1, 2, 3]),
        (Rules(urgent_from="critical"), [0, 3, 1, 2]),
        (Rules(neighbour_hours=5), [0, 2, 1, 3]),
    ],
)
def test_reports_are_taken_up_in_the_order_of_the_policy(rules: Rules, expected: list[int]) -> None:
    history = make_history(
        [0, 1, 2, 3], severity=[1, 1, 1, 3], due=[50, 40, 20, 30], neighbours=[(2.5, 2)]
    )
    assert order(history, rules, [5, 5, 5, 5]) == expected


def test_a_late_report_is_escalated_and_stays_so_when_a_neighbour_joins() -> None:
    late = {"severity": [1, 0, 3, 3, 3], "due": [1, 2, 99, 99, 99]}
    history = make_history([0, 1, 2, 3, 4], **late, neighbours=[(16, 1)])  # type: ignore[arg-type]
    by_severity = Rules(severity_hours=50.0, neighbour_hours=0.1)
    assert order(history, by_severity, [10] * 5) == [0, 2, 3, 4, 1]
    escalating = replace(by_severity, escalate_after_hours=10.0, escalation_hours=500.0)
    assert order(history, escalating, [10] * 5) == [0, 2, 1, 3, 4], "at 20 it was 18 hours late"


def test_who_leaves_the_queue_is_not_taken_up_and_costs_no_work() -> None:
    history = make_history([0, 1, 2], left={1: 3.0})
    assert started(history, BY_ARRIVAL, [5, 100, 5])[2] == 5
    assert math.isnan(started(history, BY_ARRIVAL, [5, 100, 5])[1])
    taken = make_history([0, 1], left={0: 3.0})
    assert started(taken, BY_ARRIVAL, [5, 1]) == [0, 5], "work that has begun is done"


def test_what_comes_at_night_waits_for_the_morning_and_for_its_place() -> None:
    history = make_history([0, 1], severity=[1, 3], spans=MORNINGS)
    assert started(history, Rules(severity_hours=10), [3, 2]) == [10, 8]
    assert started(history, BY_ARRIVAL, [3, 2]) == [8, 11]


def test_idle_crews_help_a_department_with_too_much() -> None:
    history = make_history([0, 0, 0, 0], crews=(1, 1), department=[0, 0, 0, 0])
    assert started(history, BY_ARRIVAL, [5] * 4) == [0, 5, 10, 15]
    assert started(history, Rules(help_above=1.0), [5] * 4) == [0, 0, 5, 10]


def test_crews_are_split_as_the_work_is_and_their_number_stays() -> None:
    assert split([5, 5], [90, 10], 0.0) == [5, 5]
    assert split([5, 5], [90, 10], 1.0) == [9, 1]
    assert split([5, 5], [100, 0], 1.0) == [9, 1], "every department keeps one"
    assert split([1, 1], [100, 0], 1.0) == [1, 1]
    chance = random.Random(5)
    for _ in range(100):
        crews = [chance.randint(1, 9) for _ in range(4)]
        moved = split(crews, [chance.random() for _ in range(4)], chance.random())
        assert sum(moved) == sum(crews)
        assert min(moved) >= 1


def test_every_report_is_done_once_and_no_crew_does_two_at_once() -> None:
    history = busy_city(400)
    work = WorkTimes.learn(history, busy=0.9).draw(history, 1, 0)
    rules = Rules(severity_hours=24, deadline_share=0.3)
    outcome = replay(history.events(work), history.hands(work, 0.0), rules)
    begun, done = np.array(outcome.started), np.array(outcome.done)
    assert np.isfinite(done).all()
    assert (begun >= history.arrived).all()
    assert done - begun == pytest.approx(work)
    at_work = [int(((begun <= at) & (done > at)).sum()) for at in begun]
    assert max(at_work) == history.departments[0].crews


def test_the_same_seed_gives_the_same_and_another_one_does_not() -> None:
    history = busy_city(200)
    times = WorkTimes.learn(history, busy=0.9)
    one, same = (judging.follow(history, times, BY_ARRIVAL, seed=4, draws=2) for _ in range(2))
    other = judging.follow(history, times, BY_ARRIVAL, seed=5, draws=2)
    assert (one.hours == same.hours).all()
    assert not (one.hours == other.hours).all()


def test_a_history_is_the_same_after_packing() -> None:
    history = busy_city(50)
    again = History.unpacked(history.packed())
    assert again.digest() == history.digest()
    assert again.departments == history.departments


def test_what_is_learned_from_a_part_knows_nothing_of_the_rest() -> None:
    history = make_history(
        [0, 10, 20, 30], took=[5, 50, 5, 5], left={0: 15.0}, neighbours=[(5, 0), (25, 1)]
    )
    known = history.before(20)
    assert known.arrived.tolist() == [0, 10]
    assert np.isnan(known.ended[1]), "it had not ended by then"
    assert known.left[0] == 15
    assert known.neighbour_at.tolist() == [5]
    assert known.until == 20
    drawn = WorkTimes.learn(known, busy=1.0)
    assert (drawn.draw(known, 1, 0) == drawn.draw(history, 1, 0)[:2]).all()


def test_figures_weigh_severity_and_compare_areas() -> None:
    count = 2 * judging.AREA_MINIMUM
    history = make_history(
        [0.0] * count,
        severity=[0] * (count - 1) + [3],
        due=[15.0] * count,
        area=[number % 2 for number in range(count)],
        left={0: 1.0},
    )
    hours = np.where(np.arange(count) % 2 == 0, 10.0, 20.0)
    course = judging.Course(hours, np.maximum(hours - 15, 0))
    found = judging.figures(history, course, Span(0, 1))
    assert found.reports == count - 1, "who left is not judged"
    low, high = count // 2 - 1, count // 2 - 1  # of weight 1; the critical one weighs 8
    weight = low + high + 8
    assert found.hours == pytest.approx((low * 10 + high * 20 + 8 * 20) / weight)
    assert found.kept == pytest.approx(low / weight)
    assert found.fairness == 1.0, "one area has too few"
    assert judging.cost(found, "hours", 1.0) == found.hours
    unfair = judging.figures(
        make_history([0.0] * count, area=history.area.tolist()), course, Span(0, 1)
    )
    assert unfair.fairness == 2.0
    assert judging.cost(unfair, "hours", 1.6) == pytest.approx(unfair.hours * 1.25)


def test_the_interval_of_a_difference_holds_it_and_no_difference_is_none() -> None:
    history = busy_city(400)
    span = Span(0, history.until)
    base = judging.Course(np.full(400, 50.0), np.zeros(400))
    noise = np.random.default_rng(1).normal(-5, 10, 400)
    better = judging.Course(50 + noise, np.zeros(400))
    gap = judging.difference(history, base, better, span, "hours", seed=1)
    assert gap["low"] < gap["mean"] < gap["high"] < 0
    assert gap == judging.difference(history, base, better, span, "hours", seed=1)
    same = judging.difference(history, base, base, span, "hours", seed=1)
    assert same == {"mean": 0.0, "low": 0.0, "high": 0.0}


@pytest.mark.parametrize("busy", [0.7, 1.0, 1.6])
def test_how_busy_crews_were_is_found_from_how_long_reports_took(busy: float) -> None:
    history = busy_city(500, days=30)
    times = WorkTimes.learn(history, busy=busy)
    course = judging.follow(history, times, BY_ARRIVAL, seed=1, draws=1)
    real = replace(history, ended=history.arrived + course.hours).before(history.until)
    assert calibrating.busy_share(real, BY_ARRIVAL, seed=2) == pytest.approx(busy, rel=0.15)


def tried() -> list[Tried]:
    policies = [BY_ARRIVAL, BY_DEADLINE, Rules(severity_hours=48)]
    return [Tried(rules, 100.0 - number) for number, rules in enumerate(policies)]


@pytest.mark.parametrize("moves_crews", [False, True])
def test_proposals_depend_on_the_seed_and_on_what_was_tried(moves_crews: bool) -> None:
    options: dict[str, Any] = {"moves_crews": moves_crews}
    first = optimizer.propose(tried(), 4, seed=1, **options)
    assert first == optimizer.propose(tried(), 4, seed=1, **options)
    assert first != optimizer.propose(tried(), 4, seed=2, **options)
    assert len(set(first)) == 4
    known = [*tried(), *(Tried(rules, 90.0) for rules in first), *tried(), *tried()]
    assert optimizer.propose(known, 2, seed=1, **options) == optimizer.propose(
        known, 2, seed=1, **options
    )
    assert any(rules.crew_shift for rules in first) == moves_crews
