"""Judge a replay: how long reports took, whether deadlines were kept, how fair it was.

What is judged is the policy's effect on the reports that came within a span of time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reports.policies.history import Floats, History, WorkTimes
from reports.policies.replay import replay
from reports.policies.rules import SEVERITY_WEIGHTS, Rules

Objective = Literal["hours", "lateness"]
#: Areas with fewer reports do not count in the comparison of areas.
AREA_MINIMUM = 30
#: The resamples of an interval, and the most blocks of time from which they are drawn.
RESAMPLES, BLOCKS = 1_000, 60


class Span(NamedTuple):
    """The reports that came from `since` until before `until`, in hours, are judged."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Course:
    """How reports fared under a policy: the hours until each was done, and how late it was.

    Both are means over the draws of work. NaN for reports that left before.
    """

    hours: Floats
    late: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a policy achieved within a span.

    Attributes:
        hours, lateness: means until a report is done, and after its deadline, weighted by severity.
        kept: the share of deadlines that were kept, weighted by severity.
        fairness: the mean hours of the area that waits longest, divided by those of the area that
            waits least; 1 where fewer than two areas have enough reports.
        areas: of each area with enough reports the name, the number of reports and the mean hours.
    """

    reports: int
    hours: float
    lateness: float
    kept: float
    fairness: float
    areas: tuple[tuple[str, int, float], ...]

    def as_json(self) -> dict[str, Any]:
        names = ("reports", "hours", "lateness", "kept", "fairness")
        rounded = {name: round(getattr(self, name), 4) for name in names}
        areas = [
            {"area": area, "reports": count, "hours": round(hours, 2)}
            for area, count, hours in self.areas
        ]
        return {**rounded, "areas": areas}


def follow(history: History, times: WorkTimes, rules: Rules, *, seed: int, draws: int) -> Course:
    """Replay a history under a policy, once for each draw of work; return how reports fared."""
    hours, late = np.zeros(len(history)), np.zeros(len(history))
    for draw in range(draws):
        work = times.draw(history, seed, draw)
        hands = history.hands(work, rules.crew_shift)
        done = np.asarray(replay(history.events(work), hands, rules).done)
        hours += (done - history.arrived) / draws
        late += np.maximum(done - history.due, 0.0) / draws
    return Course(hours, late)


def figures(history: History, course: Course, span: Span) -> Figures:
    """Return what a policy achieved for the reports that came within the span."""
    chosen = _judged(history, course, span)
    weights = _weights(history)[chosen]
    hours, late = course.hours[chosen], course.late[chosen]
    areas = tuple(_areas(history, course, chosen))
    means = [mean for _, _, mean in areas]
    return Figures(
        reports=int(chosen.sum()),
        hours=_mean(hours, weights),
        lateness=_mean(late, weights),
        kept=_mean((late <= 0).astype(float), weights),
        fairness=max(means) / min(means) if len(means) > 1 and min(means) > 0 else 1.0,
        areas=areas,
    )


def cost(achieved: Figures, objective: Objective, fairness_limit: float) -> float:
    """Return what the search makes small: the objective, raised where areas fare too differently.

    A policy that exceeds the limit of fairness by a tenth costs a tenth more.
    """
    excess = max(achieved.fairness / fairness_limit - 1.0, 0.0)
    return float(getattr(achieved, objective)) * (1.0 + excess)


def difference(
    history: History, first: Course, second: Course, span: Span, objective: Objective, *, seed: int
) -> dict[str, float]:
    """Return the objective of the second policy less that of the first, with a 95 % interval.

    Both replays have the same reports and work, so each report is compared with itself. Queues tie
    reports together that came at about the same time, so whole blocks of time are drawn
    (a block bootstrap, Künsch 1989) and the interval lies between percentiles.
    """
    chosen = _judged(history, first, span) & _judged(history, second, span)
    if not chosen.any():
        return {"mean": 0.0, "low": 0.0, "high": 0.0}
    name = "hours" if objective == "hours" else "late"
    gaps = (getattr(second, name) - getattr(first, name))[chosen]
    weights = _weights(history)[chosen]
    sums, totals = _blocks(history.arrived[chosen], span, weights * gaps, weights)
    random = np.random.default_rng([seed, len(sums)])
    drawn = random.integers(0, len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / totals[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    mean = sums.sum() / totals.sum()
    return {name: round(float(one), 4) for name, one in zip(_ENDS, (mean, low, high), strict=True)}


_ENDS = ("mean", "low", "high")


def _judged(history: History, course: Course, span: Span) -> NDArray[np.bool_]:
    """Return which reports came within the span and were there until they were done.

    Whether one that left was done before depends on the policy, so none of those is compared.
    """
    came = (history.arrived >= span.since) & (history.arrived < span.until)
    return came & np.isnan(history.left) & np.isfinite(course.hours)


def _weights(history: History) -> Floats:
    return np.array(SEVERITY_WEIGHTS)[history.severity]


def _mean(values: Floats, weights: Floats) -> float:
    return float((values * weights).sum() / weights.sum()) if len(values) else 0.0


def _areas(
    history: History, course: Course, chosen: NDArray[np.bool_]
) -> Sequence[tuple[str, int, float]]:
    known = chosen & (history.area >= 0)
    counts = np.bincount(history.area[known], minlength=len(history.areas))
    sums = np.bincount(
        history.area[known], weights=course.hours[known], minlength=len(history.areas)
    )
    return [
        (name, int(count), float(total / count))
        for name, count, total in zip(history.areas, counts, sums, strict=True)
        if count >= AREA_MINIMUM
    ]


def _blocks(arrived: Floats, span: Span, sums: Floats, totals: Floats) -> tuple[Floats, Floats]:
    """Return both sums by blocks of time, without those in which no report came.

    A block is a day, or longer or shorter where that gives too few or too many blocks.
    """
    length = max(span.until - span.since, 1e-9)
    count = int(min(max(math.ceil(length / 24), 12), BLOCKS))
    block = np.minimum(((arrived - span.since) / length * count).astype(np.int64), count - 1)
    by_block: list[Floats] = [
        np.bincount(block, weights=part, minlength=count).astype(np.float64)
        for part in (sums, totals)
    ]
    filled = by_block[1] > 0
    return by_block[0][filled], by_block[1][filled]
