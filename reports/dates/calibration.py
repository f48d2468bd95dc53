"""How wide the ranges must be to hold what they promise, tried on later days of the history."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reports.dates.cases import Cases, Flags, Floats, Names
from reports.dates.model import COVERAGE, IsHoliday, Model

#: Blocks of time at most; each is forecast from the blocks before it.
BLOCKS = 6
#: A trial on so few days counts as much as the model's own word.
DAYS_FOR_HALF = 14
CASES_MINIMUM = 200
#: The ranges tried: how far they go from the median, as a share of all cases.
_REACHES = np.arange(0.2, 0.4951, 0.005)


def calibrated(model: Model, cases: Cases, names: Names, is_holiday: IsHoliday) -> Model:
    """Return the model with ranges that held `COVERAGE` of later cases in the history.

    Split conformal prediction on the levels of the forecast distribution (Chernozhukov, Wüthrich
    and Zhu 2021, https://doi.org/10.1073/pnas.2107794118), block by block, always forward in time.
    The days of a history are alike and the future is not, so a short trial counts less.
    """
    held, days = _trial(cases, names, is_holiday)
    if held is None:
        return model
    shares = held.mean(axis=1)
    enough = np.flatnonzero(shares >= COVERAGE)
    tried = _REACHES[enough[0]] if len(enough) else _REACHES[-1]
    weight = days / (days + DAYS_FOR_HALF)
    return model.with_reach(float(weight * tried + (1 - weight) * COVERAGE / 2))


def _trial(cases: Cases, names: Names, is_holiday: IsHoliday) -> tuple[Floats | None, int]:
    """Return for each reach and later case how surely its range held it, and the days tried."""
    held, days = [], 0
    for earlier, later in _blocks(cases):
        model = Model.learn(cases[earlier], names, is_holiday)
        tried = cases[later]
        held.append(_held(model, tried, model.done_by(tried, is_holiday)))
        days += len(np.unique(tried.day))
    return (np.hstack(held), days) if held else (None, 0)


def _blocks(cases: Cases) -> Iterator[tuple[Flags, Flags]]:
    """Yield the cases before each block and those of the block; blocks are whole days."""
    edges = np.quantile(cases.day, np.linspace(0, 1, BLOCKS + 1)[1:-1], method="nearest")
    for edge in np.unique(edges):
        earlier = cases.day < edge
        following = edges[edges > edge]
        later = (cases.day >= edge) & (cases.day < following[0] if len(following) else True)
        if earlier.sum() >= CASES_MINIMUM and later.any():
            yield earlier, later


def _held(model: Model, cases: Cases, done_by: Floats) -> Floats:
    """Return for each reach and case 1 if the range held it, 0 if not.

    For a case that is still open, the chance that it will be done within its range.
    """
    rows = []
    for reach in _REACHES:
        ranges = model.with_reach(float(reach)).ranges(cases, done_by)
        rows.append(ranges.hold(cases).astype(np.float64))
    held = np.array(rows)
    is_open = ~cases.is_done
    if is_open.any():
        spent = model.ranges(cases[is_open], done_by[is_open], cases.ended[is_open]).spent
        begin, end = 0.5 - _REACHES[:, None], 0.5 + _REACHES[:, None]
        left = np.maximum(end - np.maximum(begin, spent), 0) / np.maximum(1 - spent, 1e-9)
        held[:, is_open] = np.clip(left, 0, 1)
    return held
