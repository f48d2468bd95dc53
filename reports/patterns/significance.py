"""Decide which of many test results are more than chance, and compute their p-values.

Functions of plain numbers, without Django and without SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

EULER_GAMMA = 0.5772156649015329
#: Terms of a tail that are smaller than this share of their sum are left out.
NEGLIGIBLE = 1e-15


def discoveries(p_values: Sequence[float], rate: float, *, tests: int | None = None) -> int:
    """Return how many of the smallest p-values are discoveries.

    At most `rate` of them are false in the mean (Benjamini and Hochberg, 1995, J. R. Stat. Soc. B
    57, 289-300). `tests` counts all hypotheses, where some p-values are left out since they are
    large or not known yet.
    """
    total = tests if tests is not None else len(p_values)
    passing = (rank for rank, p in enumerate(sorted(p_values), start=1) if p <= rate * rank / total)
    return max(passing, default=0)


def exceedance(value: float, simulated: Sequence[float]) -> float:
    """Return the p-value of a maximum among the maxima of simulated data.

    It is the share of maxima that are at least as large, counting the value itself. Where none is,
    the tail of a Gumbel distribution fitted to the maxima goes on (Abrams, Kleinman and Kulldorff,
    2010, Int. J. Health Geogr. 9, 61): the share could not become smaller than one by their number.
    """
    larger = sum(maximum >= value for maximum in simulated)
    share = (larger + 1) / (len(simulated) + 1)
    if larger:
        return share
    scale = float(np.std(simulated)) * math.sqrt(6) / math.pi
    if scale == 0:
        return share
    location = float(np.mean(simulated)) - EULER_GAMMA * scale
    return min(share, -math.expm1(-math.exp(-(value - location) / scale)))


def chi_square_tail(value: float, degrees: int) -> float:
    """Return the probability that a chi-square variable is at least `value`."""
    if value <= 0:
        return 1.0
    half = value / 2
    if degrees % 2 == 0:
        return min(1.0, sum(_power_term(half, power) for power in range(degrees // 2)))
    terms = sum(_power_term(half, power - 0.5) for power in range(1, (degrees + 1) // 2))
    return min(1.0, math.erfc(math.sqrt(half)) + terms)


def _power_term(half: float, power: float) -> float:
    """Return exp(-half) half^power / Γ(power + 1)."""
    return math.exp(power * math.log(half) - half - math.lgamma(power + 1))


def hypergeometric_tail(hits: int, drawn: int, marked: int, total: int) -> float:
    """Return the probability of at least `hits` marked ones among `drawn` of `total`.

    This is Fisher's exact test of whether the drawn ones hold more of the `marked` than the others.
    """
    if hits <= max(0, drawn + marked - total):
        return 1.0
    term = _hypergeometric(hits, drawn, marked, total)
    probability = term
    for count in range(hits, min(drawn, marked)):
        term *= (marked - count) * (drawn - count)
        term /= (count + 1) * (total - marked - drawn + count + 1)
        probability += term
        if term < probability * NEGLIGIBLE:
            break
    return min(1.0, probability)


def _hypergeometric(hits: int, drawn: int, marked: int, total: int) -> float:
    favourable = _log_choose(marked, hits) + _log_choose(total - marked, drawn - hits)
    return math.exp(favourable - _log_choose(total, drawn))


def _log_choose(of: int, number: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(number + 1) - math.lgamma(of - number + 1)
