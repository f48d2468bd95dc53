"""Choosing the weights of the scoring, and how good weights chosen so are on pairs not seen.

For whoever adds judged pairs or a feature: the product itself never learns its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.duplicates import scoring
from reports.duplicates.evaluation import Pair, Quality, quality_of
from reports.duplicates.scoring import Features, Weights
from reports.errors import EvaluationFileError

Numbers = NDArray[np.float64]

RIDGE = 1.0  # one for all features, which are first brought to one scale
NEWTON_STEPS = 25
FOLDS = 5
REPETITIONS = 20


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Quality on pairs that did not choose the weights: mean and spread over the repetitions."""

    mean: Quality
    spread: Quality  # standard deviation
    weights: Weights  # chosen by all pairs

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def cross_validate(pairs: Sequence[Pair]) -> CrossValidation:
    """Split the pairs into five parts, judge each by the weights of the others; 20 times over.

    Pairs that share a report stay in one part, or a report would vouch for itself. Raises
    EvaluationFileError where there are too few pairs.
    """
    groups = _groups(pairs)
    if len(set(groups)) < FOLDS:
        raise EvaluationFileError(f"Cross-validation needs {FOLDS} unrelated pairs at least.")
    truth = np.array([pair.is_duplicate for pair in pairs])
    qualities = [
        quality_of(_left_out(pairs, np.array(groups), seed) >= scoring.SUGGESTED_FROM, truth)
        for seed in range(REPETITIONS)
    ]
    rows = np.array([(quality.precision, quality.recall, quality.f1) for quality in qualities])
    mean, spread = rows.mean(axis=0).tolist(), rows.std(axis=0).tolist()
    return CrossValidation(Quality(*mean), Quality(*spread), fit(pairs))


def _groups(pairs: Sequence[Pair]) -> list[int]:
    """Return a number for each pair: the same for those that a chain of equal texts connects."""
    groups = list(range(len(pairs)))
    group_of_text: dict[str, int] = {}
    for i, pair in enumerate(pairs):
        for text in pair.texts:
            old, new = group_of_text.setdefault(text, groups[i]), groups[i]
            groups = [old if group == new else group for group in groups]
            group_of_text = {t: old if g == new else g for t, g in group_of_text.items()}
    return groups


def _left_out(pairs: Sequence[Pair], groups: NDArray[np.intp], seed: int) -> Numbers:
    """Return the probability of each pair by weights that it had no part in."""
    shuffled = np.random.default_rng(seed).permutation(np.unique(groups))
    chances = np.zeros(len(pairs))
    for fold in np.array_split(shuffled, FOLDS):
        is_left_out = np.isin(groups, fold)
        weights = fit([pairs[i] for i in np.flatnonzero(~is_left_out).tolist()])
        for i in np.flatnonzero(is_left_out).tolist():
            chances[i] = _probability(pairs[i], weights)
    return chances


def _probability(pair: Pair, weights: Weights) -> float:
    if not scoring.could_be_one(pair.a, pair.b):
        return 0.0
    return weights.probability(scoring.features_of(pair.a, pair.b))


def fit(pairs: Sequence[Pair]) -> Weights:
    """Return the weights under which the judgements are most likely, by ridge regression.

    Pairs that are too far apart to be compared teach nothing.
    """
    near = [pair for pair in pairs if scoring.could_be_one(pair.a, pair.b)]
    rows = np.array([scoring.features_of(pair.a, pair.b) for pair in near])
    labels = np.array([pair.is_duplicate for pair in near], dtype=float)
    mean, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
    scaled = (rows - mean) / spread
    fitted = _logistic(np.column_stack([scaled, np.ones(len(rows))]), labels)
    raw = fitted[:-1] / spread
    return Weights(Features(*raw.tolist()), float(fitted[-1] - raw @ mean))


def _logistic(rows: Numbers, labels: Numbers) -> Numbers:
    """Fit a logistic regression by Newton's method.

    The last column, the bias, is not regularised.
    """
    penalty = np.diag([RIDGE] * (rows.shape[1] - 1) + [0.0])
    weights = np.zeros(rows.shape[1])
    for _ in range(NEWTON_STEPS):
        chances = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (chances - labels) + penalty @ weights
        curve = (rows * (chances * (1 - chances))[:, None]).T @ rows + penalty
        weights = weights - np.linalg.solve(curve, slope)
    return weights
