"""The chance that an open case is done in the next span of time, as a sum of small effects.

A logistic regression on spans ("discrete-time hazard model", Singer and Willett 1993,
https://doi.org/10.3102/10769986018002155). A case that is still open has contributed every span in
which it was seen open, so it is never missing, and its end is not guessed.

The effects of a factor are drawn to zero by their variance, which is small for combinations of
facts. So a category in an area that was seen a few times only follows the coarser factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.dates.cases import Flags, Floats

Codes = NDArray[np.int32]

SWEEPS = 60
STEP_MAXIMUM = 1.5
#: Sweeps end when no effect changes by more.
TOLERANCE = 0.002
#: The variance of the effects of one fact, of two together, and of three.
VARIANCES = (1.0, 0.25, 0.1)


@dataclass(frozen=True, slots=True)
class Factor:
    """Something on which the chance may depend.

    Args:
        code: that of each span, below `size`.
        variance: how far its effects are expected to vary.
    """

    code: Codes
    size: int
    variance: float


def fit(factors: dict[str, Factor], is_end: Flags) -> tuple[float, dict[str, Floats]]:
    """Return the base score, and of each factor what each of its codes adds to it.

    One factor after the other takes a Newton step. Its Hessian is diagonal, since each span has
    one code of each factor.
    """
    share = (is_end.sum() + 0.5) / (len(is_end) + 1)
    base = float(np.log(share / (1 - share)))
    score = np.full(len(is_end), base)
    effects = {name: np.zeros(factor.size) for name, factor in factors.items()}
    for _ in range(SWEEPS):
        steps = [_improve(factor, effects[name], score, is_end) for name, factor in factors.items()]
        if max(steps) < TOLERANCE:
            break
    return base, effects


def _improve(factor: Factor, effect: Floats, score: Floats, is_end: Flags) -> float:
    """Take a step with one factor and add it to the scores; return its largest change."""
    chance = sigmoid(score)
    slope = _sum(factor, is_end - chance) - effect / factor.variance
    curve = _sum(factor, chance * (1 - chance)) + 1 / factor.variance
    step = np.clip(slope / curve, -STEP_MAXIMUM, STEP_MAXIMUM)
    effect += step
    score += step[factor.code]
    return float(np.abs(step).max(initial=0.0))


def _sum(factor: Factor, weights: Floats) -> Floats:
    sums: Floats = np.bincount(factor.code, weights, factor.size).astype(np.float64)
    return sums


def sigmoid(score: Floats) -> Floats:
    """Return the chance of each score, from 0 to 1."""
    chance: Floats = 1 / (1 + np.exp(-score))
    return chance


def averaged(score: Floats, variance: float) -> Floats:
    """Return the chance of each score when a normal deviation of this variance is added to it.

    By the approximation of MacKay 1992, https://doi.org/10.1162/neco.1992.4.5.720.
    """
    return sigmoid(score / np.sqrt(1 + np.pi * variance / 8))
