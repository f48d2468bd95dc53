"""Replay one history under several policies: python -m benchmarks.discovery_size real|REPORTS.

Prints the figures as JSON. It needs no database.
"""

from __future__ import annotations

import csv
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import TypeVar

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import numpy as np  # noqa: E402

from reports.policies import judging, optimizer  # noqa: E402
from reports.policies.history import Department, History, Integers, WorkTimes  # noqa: E402
from reports.policies.judging import Figures, Span  # noqa: E402
from reports.policies.optimizer import Tried  # noqa: E402
from reports.policies.replay import replay  # noqa: E402
from reports.policies.rules import BY_ARRIVAL, BY_DEADLINE, Rules  # noqa: E402
from reports.policies.searching import FAIRNESS_MARGIN, KNOWN  # noqa: E402

T = TypeVar("T")

FILE = Path(
    os.environ.get(
        "REQUESTS_2017",
        Path(__file__).resolve().parents[2] / "shared" / "data" / "losangeles_2017.csv",
    )
)
#: Of each kind: department, severity, hours until the deadline. The file names none of these.
KINDS = {
    "Bulky Items": ("sanitation", 0, 120),
    "Metal/Household Appliances": ("sanitation", 0, 120),
    "Electronic Waste": ("sanitation", 0, 120),
    "Illegal Dumping Pickup": ("sanitation", 2, 96),
    "Dead Animal Removal": ("sanitation", 3, 48),
    "Graffiti Removal": ("beautification", 1, 72),
    "Homeless Encampment": ("beautification", 2, 336),
    "Single Streetlight Issue": ("lighting", 1, 240),
    "Multiple Streetlight Issue": ("lighting", 3, 240),
}
CREWS = {"sanitation": 40, "beautification": 20, "lighting": 4}
#: A report that ended sooner was entered by the crew that had done it.
DONE_ON_THE_SPOT = timedelta(minutes=5)
HOUR = timedelta(hours=1)
OPENS, CLOSES, DAYS = 7, 17, 400
HOLD_OUT, DRAWS, TRIALS, ROUND, SEED = 0.25, 2, 40, 4, 1
#: The share of their hours for which crews are busy; 2: they can do half of what comes.
HALF_DONE, KEEPING_UP = 2.0, 0.95
OTHERS = {"keeping_up": KEEPING_UP, "quarter_behind": 1.25}
RATIOS = ("hours_to_by_arrival", "hours_to_by_deadline")


def main(what: str) -> None:
    figures = _real() if what == "real" else _many(int(what))
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


def _timed(function: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    return function(), time.perf_counter() - began


def _real() -> dict[str, float]:
    """Search on the real requests, for several shares of their hours for which crews are busy.

    By the end of the file a fifth of its requests was done, so the city's crews had far more to do
    than they could; how much more a history of five days does not say.
    """
    history = _requests()
    figures = _judged(history, HALF_DONE)
    for name, busy in OTHERS.items():
        others = _judged(history, busy)
        figures |= {f"{name}_{ratio}": others[ratio] for ratio in RATIOS}
    return figures


def _judged(history: History, busy: float) -> dict[str, float]:
    """Search before the hold-out period, judge the winner in it, and repeat the search."""
    split_at = history.time_of_share(1 - HOLD_OUT)
    known = history.before(split_at)
    times = WorkTimes.learn(known, busy=busy)
    winner, seconds = _timed(lambda: _search(known, times, split_at))
    policies = {"winner": winner, "by_arrival": BY_ARRIVAL, "by_deadline": BY_DEADLINE}
    courses = {
        name: judging.follow(history, times, rules, seed=SEED, draws=DRAWS)
        for name, rules in policies.items()
    }
    span = Span(split_at, history.until)
    found = {name: judging.figures(history, one, span) for name, one in courses.items()}
    gap = judging.difference(
        history, courses["by_arrival"], courses["winner"], span, "hours", seed=SEED
    )
    figures: dict[str, float] = {
        "reports": len(history),
        "search_seconds": seconds,
        "trials_per_second": TRIALS / seconds,
        "hours_to_by_arrival": found["winner"].hours / found["by_arrival"].hours,
        "hours_to_by_deadline": found["winner"].hours / found["by_deadline"].hours,
        "hours_saved_low": -gap["high"],
        "hours_saved_high": -gap["low"],
        "repeated_alike": float(_search(known, times, split_at) == winner),
    }
    for name, one in found.items():
        for figure in ("hours", "kept", "fairness"):
            figures[f"{name}_{figure}"] = getattr(one, figure)
    return figures


def _search(known: History, times: WorkTimes, split_at: float) -> Rules:
    """Return the best policy, as the job finds it, without its database."""

    span = Span(0.0, split_at)

    def judged(rules: Rules) -> Figures:
        course = judging.follow(known, times, rules, seed=SEED, draws=DRAWS)
        return judging.figures(known, course, span)

    limit = FAIRNESS_MARGIN * judged(BY_ARRIVAL).fairness
    tried: list[Tried] = []
    policies = list(KNOWN)
    while policies:
        tried += [Tried(one, judging.cost(judged(one), "hours", limit)) for one in policies]
        count = min(ROUND, TRIALS - len(tried))
        policies = (
            optimizer.propose(tried, count, seed=SEED, moves_crews=False) if count > 0 else []
        )
    return min(tried, key=lambda one: one.cost).rules


def _requests() -> History:
    """Return the history of the real requests, or a generated one of the same size."""
    if not FILE.exists():
        return _generated(7_000)
    with FILE.open() as file:
        rows = [row for row in csv.DictReader(file) if row["category"] in KINDS and row["area"]]
    read = sorted((one for row in rows if (one := _request(row))), key=lambda one: one[0])
    origin = read[0][0].replace(hour=0, minute=0, second=0)
    return _history(
        arrived=[(one[0] - origin) / HOUR for one in read],
        ended=[(one[1] - origin) / HOUR if one[1] else math.nan for one in read],
        kinds=[one[2] for one in read],
        areas=[one[3] for one in read],
    )


def _request(row: dict[str, str]) -> tuple[datetime, datetime | None, str, str] | None:
    created = datetime.fromisoformat(row["created_at"])
    closed = datetime.fromisoformat(row["closed_at"]) if row["closed_at"] else None
    if closed is not None and closed - created < DONE_ON_THE_SPOT:
        return None
    return created, closed, row["category"], row["area"]


def _generated(reports: int) -> History:
    """Return reports of a city that gets 2,000 each day, by chance with a fixed seed."""
    random = np.random.default_rng(SEED)
    days = reports / 2_000
    arrived = np.sort(random.random(reports)) * 24 * days
    kinds = random.choice(list(KINDS), size=reports)
    return _history(
        arrived=arrived.tolist(),
        ended=(arrived + random.exponential(40, reports)).tolist(),
        kinds=kinds.tolist(),
        areas=[f"area {number}" for number in random.integers(0, 8, reports)],
    )


def _history(
    *, arrived: list[float], ended: list[float], kinds: list[str], areas: list[str]
) -> History:

    departments, names, places = list(CREWS), list(KINDS), sorted(set(areas))
    came = np.array(arrived)
    days = range(int(came[-1] / 24) + DAYS)
    spans = tuple((24.0 * day + OPENS, 24.0 * day + CLOSES) for day in days)
    severity = [KINDS[kind][1] for kind in kinds]
    nothing = np.array([], dtype=np.float64)
    return History(
        departments=tuple(
            Department(name=name, crews=crews, spans=spans) for name, crews in CREWS.items()
        ),
        categories=tuple(names),
        areas=tuple(places),
        arrived=came,
        severity=np.array(severity, dtype=np.int32),
        due=came + np.array([KINDS[kind][2] for kind in kinds], dtype=np.float64),
        department=_positions([KINDS[kind][0] for kind in kinds], departments),
        category=_positions(kinds, names),
        area=_positions(areas, places),
        ended=np.array(ended),
        left=np.full(len(came), math.nan),
        neighbour_at=nothing,
        neighbour_of=nothing.astype(np.int32),
        until=float(came[-1]) + 1e-6,
    )


def _positions(values: list[str], known: list[str]) -> Integers:
    positions = {value: number for number, value in enumerate(known)}
    return np.array([positions[value] for value in values], dtype=np.int32)


def _many(reports: int) -> dict[str, float]:
    """Replay many reports once under the plainest policy, and once under one with all rules."""

    history, making = _timed(lambda: _generated(reports))
    work = WorkTimes.learn(history, busy=KEEPING_UP).draw(history, SEED, 0)
    hands = history.hands(work, 0.0)
    full = Rules(
        deadline_share=0.4,
        severity_hours=24.0,
        urgent_from="critical",
        escalate_after_hours=24.0,
        escalation_hours=100.0,
    )
    plain, plainly = _timed(lambda: replay(history.events(work), hands, BY_ARRIVAL))
    again, fully = _timed(lambda: replay(history.events(work), hands, full))
    _, bare = _timed(lambda: _bare_heap(history.arrived.tolist()))
    return {
        "reports": reports,
        "making_seconds": making,
        "replay_seconds": plainly,
        "replay_with_all_rules_seconds": fully,
        "events_per_second": plain.events / plainly,
        "events_per_second_with_all_rules": again.events / fully,
        "bare_heap_seconds": bare,
        "replay_to_bare_heap": plainly / bare,
    }


def _bare_heap(arrived: list[float]) -> None:
    """Do with heaps alone what a replay does at least: each report waits, then is worked on."""
    waiting: list[tuple[float, int]] = []
    working: list[tuple[float, int, int]] = []
    for report, at in enumerate(arrived):
        heappush(waiting, (at, report))
        heappush(working, (at + 1.0, 0, report))
        if len(waiting) > 1_000:
            heappop(waiting)
        if len(working) > 100:
            heappop(working)


if __name__ == "__main__":
    main(sys.argv[1])
