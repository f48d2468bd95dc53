"""The classifier's arithmetic: texts and their vectors in, calibrated probabilities out.

Kernel ridge regression: a Gaussian kernel of the sentence vectors beside a linear one of hashed
words and character n-grams. It is solved in one step, which also yields each example's
leave-one-out score (Rasmussen & Williams 2006, eq. 5.10-5.12). The probabilities are calibrated on
these scores, each computed as if its own example were unknown. docs/classification.md has the
figures and says how the constants were chosen.
"""

from __future__ import annotations

import math
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
NEARNESS = 4.0  # how fast a sentence vector loses its say with its distance
REGULARISATION = 0.8
PHRASE_WEIGHT = 1.5  # a phrase that the city wrote counts as one and a half reports
BALANCE = 0.5  # 0: a frequent category wins doubts as often as it occurs; 1: all categories alike
DEFAULT_SHARPNESS = 3.75  # scale from scores to log-odds, without enough labelled reports
SHARPNESS_CHOICES = np.linspace(1.0, 8.0, 71)
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

    example_vectors: Vectors  # float32[examples, dimensions]
    example_weights: Vectors  # float32[examples, classes]: what nearness to an example is worth
    lexical_weights: Vectors  # float32[LEXICAL_BUCKETS, classes]
    rarity: Vectors
    sharpness: float

    @classmethod
    def fit(cls, examples: Examples, classes: int) -> TextModel:
        """Fit a model to the examples of `classes` classes.

        It takes about 0.2 s for 600 examples and 1 s for 2,100 on one core, growing with the cube.
        """
        counts = lexical_counts(examples.texts)
        rarity = _rarity(counts)
        lexical = _lexical_features(counts, rarity)
        targets = np.eye(classes, dtype=np.float32)[examples.labels]
        kernel = lexical @ lexical.T
        kernel += _nearness(examples.vectors, examples.vectors)
        kernel[np.diag_indices_from(kernel)] += REGULARISATION / _importance(examples, classes)
        inverse = np.linalg.inv(kernel)
        dual = inverse @ targets
        left_out = targets - dual / np.diag(inverse)[:, None]
        return cls(
            example_vectors=examples.vectors,
            example_weights=dual,
            lexical_weights=lexical.T @ dual,
            rarity=rarity,
            sharpness=_calibrated(left_out, examples),
        )

    def probabilities(self, texts: Sequence[str], vectors: Vectors) -> Vectors:
        """Return float32[texts, classes]; each row adds up to 1.

        A text without any information gets the same probability for every class.
        """
        scores = _nearness(vectors, self.example_vectors) @ self.example_weights
        scores += _lexical_features(lexical_counts(texts), self.rarity) @ self.lexical_weights
        return _softmax(_levelled(scores) * self.sharpness)


def _nearness(vectors: Vectors, others: Vectors) -> Vectors:
    """Return float32[vectors, others]: almost 1 for the same direction, 0 for a vector of zeros.

    It is a Gaussian kernel of vectors of length 1, less its value for a vector of zeros.
    """
    near = vectors @ others.T
    near *= NEARNESS
    np.expm1(near, out=near)
    near *= math.exp(-NEARNESS)
    return near


def _rarity(counts: Vectors) -> Vectors:
    """Return the weight of each bucket: 1 if every text has it, and more, the fewer texts do."""
    occurrences = np.count_nonzero(counts, axis=0)
    rarity: Vectors = np.log((1 + len(counts)) / (1 + occurrences)).astype(np.float32) + 1
    return rarity


def _lexical_features(counts: Vectors, rarity: Vectors) -> Vectors:
    """Return the counts weighted by rarity, each row of length LEXICAL_WEIGHT.

    `counts` is changed in place to save memory: it is the largest array.
    """
    counts *= rarity
    lengths = np.linalg.norm(counts, axis=1, keepdims=True)
    counts *= (LEXICAL_WEIGHT / np.where(lengths > 0, lengths, np.inf)).astype(np.float32)
    return counts


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
    scores, truth = _levelled(left_out[reports]), examples.labels[reports]
    losses = [
        -np.log(_softmax(scores * sharpness)[np.arange(len(truth)), truth] + 1e-12).mean()
        for sharpness in SHARPNESS_CHOICES
    ]
    return float(SHARPNESS_CHOICES[int(np.argmin(losses))])


def _levelled(scores: Vectors) -> Vectors:
    """Return the scores, divided by the square root of their spread among the classes.

    A text unlike all examples has small scores, but the order of its classes is more reliable than
    their size suggests.
    """
    spread = scores.std(axis=1, keepdims=True)
    levelled: Vectors = (scores / np.sqrt(np.where(spread > 0, spread, np.inf))).astype(np.float32)
    return levelled


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
