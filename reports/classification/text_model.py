"""The classifier's arithmetic: texts and their vectors in, calibrated probabilities out.

Kernel ridge regression on the sentence vector beside hashed words and character n-grams. It is
solved in one step, which also yields each example's leave-one-out score (Rasmussen & Williams 2006,
eq. 5.10-5.12). The probabilities are calibrated on these scores, each computed as if its own
example were unknown. docs/classification.md has the figures and says how the constants were chosen.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embeddings.embedder import Vectors

Labels = NDArray[np.intp]

LEXICAL_BUCKETS = 4096
LEXICAL_WEIGHT = 0.8  # length of the lexical part, where the sentence vector has length 1
LEXICAL_CHARACTERS = 2000
NGRAM_SIZES = (3, 4, 5)
REGULARISATION = 2.0
PHRASE_WEIGHT = 2.0  # a phrase that the city wrote counts as two reports
BALANCE = 0.5  # 0: a frequent category wins doubts as often as it occurs; 1: all categories alike
DEFAULT_SHARPNESS = 9.5  # scale from scores to log-odds, without enough labelled reports
SHARPNESS_CHOICES = np.linspace(3.0, 20.0, 69)
CALIBRATION_REPORTS = 200

_WORD = re.compile(r"[^\W\d_]+")


def lexical_counts(texts: Sequence[str]) -> Vectors:
    """Return log(1 + count) of the words, pairs of words and character n-grams of each text.

    The shape is float32[texts, LEXICAL_BUCKETS].
    """
    counts = np.zeros((len(texts), LEXICAL_BUCKETS), dtype=np.float32)
    for row, text in zip(counts, texts, strict=True):
        np.add.at(row, _buckets(text[:LEXICAL_CHARACTERS]), 1.0)
    np.log1p(counts, out=counts)
    return counts


def _buckets(text: str) -> list[int]:
    words = _WORD.findall(text.lower())
    grams = [f"w{word}" for word in words]
    grams += [f"b{first} {second}" for first, second in pairwise(words)]
    for word in words:
        padded = f"<{word}>"
        grams += [
            f"c{padded[i : i + size]}"
            for size in NGRAM_SIZES
            for i in range(len(padded) - size + 1)
        ]
    return [zlib.crc32(gram.encode("utf-8", "ignore")) % LEXICAL_BUCKETS for gram in grams]


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts whose category is known.

    `is_phrase` is true for the city's own phrases and false for reports that staff labelled.
    """

    texts: Sequence[str]
    vectors: Vectors
    labels: Labels
    is_phrase: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TextModel:
    """A fitted classifier over a number of classes."""

    weights: Vectors
    rarity: Vectors
    sharpness: float

    @classmethod
    def fit(cls, examples: Examples, classes: int) -> TextModel:
        """Fit a model to the examples of `classes` classes.

        It takes about 0.2 s for 600 examples and 1 s for 2,100 on one core, growing with the cube.
        """
        counts = lexical_counts(examples.texts)
        rarity = (
            np.log((1 + len(counts)) / (1 + np.count_nonzero(counts, axis=0))).astype(np.float32)
            + 1
        )
        features = _features(examples.vectors, counts, rarity)
        targets = np.eye(classes, dtype=np.float32)[examples.labels]
        kernel = features @ features.T
        kernel[np.diag_indices_from(kernel)] += REGULARISATION / _importance(examples, classes)
        inverse = np.linalg.inv(kernel)
        dual = inverse @ targets
        left_out = targets - dual / np.diag(inverse)[:, None]
        return cls(features.T @ dual, rarity, _calibrated(left_out, examples))

    def probabilities(self, texts: Sequence[str], vectors: Vectors) -> Vectors:
        """Return float32[texts, classes]; each row adds up to 1.

        A text without any information gets the same probability for every class.
        """
        scores = _features(vectors, lexical_counts(texts), self.rarity) @ self.weights
        return _softmax(scores * self.sharpness)


def _features(vectors: Vectors, counts: Vectors, rarity: Vectors) -> Vectors:
    """Return float32[texts, dimensions + LEXICAL_BUCKETS].

    `counts` is changed in place to save memory: it is the largest array.
    """
    counts *= rarity
    lengths = np.linalg.norm(counts, axis=1, keepdims=True)
    counts *= (LEXICAL_WEIGHT / np.where(lengths > 0, lengths, np.inf)).astype(np.float32)
    return np.hstack([vectors, counts])


def _importance(examples: Examples, classes: int) -> Vectors:
    """Return the weight of each example; reports of a frequent category weigh less."""
    reported = np.bincount(examples.labels[~examples.is_phrase], minlength=classes) + 5.0
    balanced = (reported / reported.mean()) ** -BALANCE
    weights: Vectors = np.where(
        examples.is_phrase, PHRASE_WEIGHT, balanced[examples.labels]
    ).astype(np.float32)
    return weights


def _calibrated(left_out: Vectors, examples: Examples) -> float:
    """Return the sharpness under which the leave-one-out scores of reports are most likely.

    The city's phrases are clearer than reports, so calibrating on them would promise too much.
    """
    reports = ~examples.is_phrase
    if np.count_nonzero(reports) < CALIBRATION_REPORTS:
        return DEFAULT_SHARPNESS
    scores, truth = left_out[reports], examples.labels[reports]
    losses = [
        -np.log(_softmax(scores * sharpness)[np.arange(len(truth)), truth] + 1e-12).mean()
        for sharpness in SHARPNESS_CHOICES
    ]
    return float(SHARPNESS_CHOICES[int(np.argmin(losses))])


def _softmax(logits: Vectors) -> Vectors:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Vectors = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of probabilities on labelled texts; all figures between 0 and 1."""

    texts: int
    top1: float
    top3: float
    ece: float  # expected calibration error, ten bins of equal width (Guo et al. 2017)


def quality(probabilities: Vectors, truth: Labels) -> Quality:
    """Return the accuracy among the first one and three classes, and the calibration of the first.

    Needs at least one text.
    """
    ranks = np.argsort(-probabilities, axis=1)
    hits = ranks == truth[:, None]
    confidence, right = probabilities.max(axis=1), hits[:, 0]
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [abs(confidence[bins == b].sum() - right[bins == b].sum()) for b in range(10)]
    return Quality(
        texts=len(truth),
        top1=float(right.mean()),
        top3=float(hits[:, :3].any(axis=1).mean()),
        ece=float(sum(gaps) / len(truth)),
    )


def confusion(probabilities: Vectors, truth: Labels) -> list[list[int]]:
    """Return how many texts of each class have each class as their best one: [truth][best]."""
    classes = probabilities.shape[1]
    table = np.zeros((classes, classes), dtype=np.intp)
    np.add.at(table, (truth, probabilities.argmax(axis=1)), 1)
    rows: list[list[int]] = table.tolist()
    return rows
