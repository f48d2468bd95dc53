"""Find how busy crews were: so busy that a replay takes as long as the history did."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from reports.policies.history import Floats, History, WorkTimes
from reports.policies.replay import replay
from reports.policies.rules import Rules

#: Between these shares of their hours crews are taken to have been busy. Above 1 work piles up; in
#: a history in which most reports are open at the end, any number would do.
LEAST, MOST = 0.2, 2.0
STEPS = 10


def busy_share(history: History, rules: Rules, *, seed: int) -> float:
    """Return the share of their hours for which crews were busy, if they went by these rules.

    No history says it. With it, reports in a replay have on the mean waited and been worked on for
    as long as they really had by the end of the history, whether they had ended by then or not.
    """
    stayed = np.isnan(history.left)
    ended = np.where(np.isnan(history.ended), math.inf, history.ended)
    target = _mean_elapsed(history, ended, stayed)
    low, high = math.log(LEAST), math.log(MOST)
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _replayed(history, math.exp(middle), rules, stayed, seed=seed) < target:
            low = middle
        else:
            high = middle
    return round(math.exp((low + high) / 2), 4)


def _replayed(
    history: History, busy: float, rules: Rules, stayed: NDArray[np.bool_], *, seed: int
) -> float:
    work = WorkTimes.learn(history, busy=busy).draw(history, seed, 0)
    hands = history.hands(work, rules.crew_shift)
    done = np.asarray(replay(history.events(work), hands, rules).done)
    return _mean_elapsed(history, done, stayed)


def _mean_elapsed(history: History, done: Floats, stayed: NDArray[np.bool_]) -> float:
    """Return the mean hours from arrival until a report was done, or until the history ends."""
    elapsed = np.minimum(done, history.until) - history.arrived
    return float(elapsed[stayed].mean())
