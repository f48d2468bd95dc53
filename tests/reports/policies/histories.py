"""Histories to replay, made without chance unless a seed is given."""

from __future__ import annotations

import math

import numpy as np

from reports.policies.history import Department, History
from reports.policies.hours import Span


def make_history(
    arrived: list[float],
    *,
    severity: list[int] | None = None,
    due: list[float] | None = None,
    took: list[float] | None = None,
    department: list[int] | None = None,
    area: list[int] | None = None,
    category: list[int] | None = None,
    left: dict[int, float] | None = None,
    neighbours: list[tuple[float, int]] | None = None,
    crews: tuple[int, ...] = (1,),
    spans: tuple[Span, ...] = (),
    until: float | None = None,
) -> History:
    """A history; what is not named is the same for all reports."""
    count = len(arrived)
    came = np.array(arrived, dtype=np.float64)
    gone = np.full(count, math.nan)
    for report, at in (left or {}).items():
        gone[report] = at
    said = sorted(neighbours or [])
    return History(
        departments=tuple(
            Department(name=f"department {number}", crews=one, spans=spans)
            for number, one in enumerate(crews)
        ),
        categories=tuple(f"category {n}" for n in range(1 + max(category or [0]))),
        areas=tuple(f"area {n}" for n in range(1 + max(area or [0]))),
        arrived=came,
        severity=_integers(severity or [1] * count),
        due=np.array(due, dtype=np.float64) if due else came + 48,
        department=_integers(department or [0] * count),
        category=_integers(category or [0] * count),
        area=_integers(area or [0] * count),
        ended=came + np.array(took or [10.0] * count),
        left=gone,
        neighbour_at=np.array([at for at, _ in said], dtype=np.float64),
        neighbour_of=_integers([report for _, report in said]),
        until=until if until is not None else (arrived[-1] if arrived else 0.0) + 1,
    )


def busy_city(reports: int = 600, *, seed: int = 3, days: float = 60) -> History:
    """A city whose crews hardly keep up: a fifth of the reports is critical and due at once."""
    random = np.random.default_rng(seed)
    arrived = np.sort(random.random(reports)) * 24 * days
    severity = random.choice([0, 1, 3], size=reports, p=[0.4, 0.4, 0.2])
    return make_history(
        arrived.tolist(),
        severity=severity.tolist(),
        due=(arrived + np.array([200.0, 100.0, 50.0, 10.0])[severity]).tolist(),
        took=random.exponential(30, reports).tolist(),
        area=random.integers(0, 2, reports).tolist(),
        crews=(2,),
    )


def _integers(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int32)
