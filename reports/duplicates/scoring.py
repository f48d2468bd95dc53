"""How likely two reports are about the same problem, and why.

Text alone cannot tell: a broken lamp and the next broken lamp read alike. So the subjects of both
texts, their numbers and sides of the street, the distance and the time between them count together,
in one logistic model of few weights (docs/duplicates.md says how they were chosen). The text counts
by its sentence vector where both reports have one, and else by the words that they share.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol
from uuid import UUID

import numpy as np

from embeddings.embedder import Vectors
from reports.duplicates.vocabulary import TEXT_CHARACTERS, vocabulary, words_of

RADIUS_METRES = 150.0  # pins of the same problem lie up to 140 m apart, a third of them past 40 m
MOST_DAYS_APART = 90
NEAR_METRES = 50.0
SHARED_MAXIMUM = 3.0  # long texts share more subjects; from here on, more proves nothing
SERIES, SERIES_METRES = timedelta(hours=1), 25.0
WORD_MINIMUM_CHARACTERS = 4
IDENTIFIER_DIGITS = 3
REMEMBERED_TEXTS = 2_000
METRES_PER_DEGREE = 111_195.0  # of latitude, on a sphere of 6,371 km

_NUMBER = re.compile(r"\d{2,}")


class Located(Protocol):
    """When and where something was reported; degrees in WGS84."""

    @property
    def latitude(self) -> float: ...
    @property
    def longitude(self) -> float: ...
    @property
    def created_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What is compared of a report; degrees in WGS84."""

    subjects: frozenset[str]
    positions: frozenset[str]
    words: frozenset[str]
    numbers: frozenset[str]
    latitude: float
    longitude: float
    created_at: datetime
    reporter_id: UUID | None = None
    vector: Vectors | None = None

    @classmethod
    def of(
        cls,
        text: str,
        *,
        latitude: float,
        longitude: float,
        created_at: datetime,
        reporter_id: UUID | None = None,
        vector: Vectors | None = None,
    ) -> Facts:
        """Read the text once, however many reports it is compared with."""
        return cls(
            **_read(text[:TEXT_CHARACTERS])._asdict(),
            latitude=latitude,
            longitude=longitude,
            created_at=created_at,
            reporter_id=reporter_id,
            vector=vector,
        )


class _Read(NamedTuple):
    """What a text says, as `Facts` has it."""

    subjects: frozenset[str]
    positions: frozenset[str]
    words: frozenset[str]
    numbers: frozenset[str]


@lru_cache(maxsize=REMEMBERED_TEXTS)
def _read(text: str) -> _Read:
    """Read a text, remembered: a report is compared with each that comes near it later."""
    weights = vocabulary().weights
    words = words_of(text)
    named = vocabulary().subjects_of(words)
    return _Read(
        subjects=frozenset(subject for subject in named if weights[subject]),
        positions=frozenset(subject for subject in named if not weights[subject]),
        words=frozenset(w for w in words if len(w) >= WORD_MINIMUM_CHARACTERS),
        numbers=frozenset(_NUMBER.findall(text)),
    )


class Features(NamedTuple):
    """What speaks for and against one problem: from -1 to 3, zero where nothing is known."""

    agreement: float  # cosine of the subjects, each by its weight
    shared: float  # weight of the subjects in common
    same_number: float  # 1: a number in common
    other_number: float  # 1: each names a house or a pole, none in common
    positions: float  # 1: each names sides or ordinals, none in common
    series: float  # 1: one hand within the hour, the pin moved: one report a problem
    nearness: float  # 1 at the same spot, falling with the distance
    text: float  # cosine of the sentence vectors, or of the words


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic model over `Features`."""

    features: Features
    bias: float

    def probability(self, features: Features) -> float:
        """Return how probable it is that reports with these features are about one problem."""
        logit = self.bias + sum(w * x for w, x in zip(self.features, features, strict=True))
        return 1 / (1 + math.exp(-logit))

    def as_text(self) -> str:
        named = zip(Features._fields, self.features, strict=True)
        return ", ".join([*(f"{name} {w:.2f}" for name, w in named), f"bias {self.bias:.2f}"])


# Chosen by 120 judged pairs (docs/duplicates.md), rounded. `other_number` and `series` are set
# stronger than the few such pairs ask: a pole's number names the pole, whatever the words.
BY_VECTORS = Weights(Features(4.0, 0.6, 1.3, -5.0, -3.6, -5.5, 2.8, 4.1), -6.0)
BY_WORDS = Weights(Features(4.0, 0.5, 0.8, -5.0, -3.6, -5.5, 2.9, 4.3), -4.8)
#: A pair is suggested to staff from here on.
SUGGESTED_FROM = 0.7


@dataclass(frozen=True, slots=True)
class Likeness:
    """How probable it is that two reports are about one problem, from 0 to 1, with the reasons."""

    probability: float
    metres: float
    reasons: list[str]


def compare(a: Facts, b: Facts) -> Likeness:
    """See `Likeness`. Two reports too far apart in place or time get probability 0."""
    metres = metres_between(a, b)
    if not could_be_one(a, b):
        return Likeness(0.0, metres, [])
    features = features_of(a, b)
    return Likeness(_probability(a, b, features), metres, reasons(a, b, features, metres))


def probability(a: Facts, b: Facts) -> float:
    """Return the probability of `compare` alone, in half its time."""
    return _probability(a, b, features_of(a, b)) if could_be_one(a, b) else 0.0


def _probability(a: Facts, b: Facts, features: Features) -> float:
    weights = BY_VECTORS if _have_vectors(a, b) else BY_WORDS
    return weights.probability(features)


def could_be_one(a: Located, b: Located) -> bool:
    """Return whether two reports are near enough in place and time to be compared."""
    days = abs((a.created_at - b.created_at).total_seconds()) / 86_400
    return metres_between(a, b) <= RADIUS_METRES and days <= MOST_DAYS_APART


def _have_vectors(a: Facts, b: Facts) -> bool:
    return a.vector is not None and b.vector is not None


def features_of(a: Facts, b: Facts) -> Features:
    """Compare two reports by everything that is known of both."""
    common = _weight(a.subjects & b.subjects)
    size = math.sqrt(_weight(a.subjects) * _weight(b.subjects))
    metres = metres_between(a, b)
    return Features(
        agreement=common / size if size else 0.0,
        shared=min(common, SHARED_MAXIMUM),
        same_number=float(bool(a.numbers & b.numbers)),
        other_number=float(_differ(_identifiers(a), _identifiers(b))),
        positions=float(_differ(a.positions, b.positions)),
        series=float(_is_series(a, b, metres)),
        nearness=math.exp(-metres / NEAR_METRES),
        text=_text(a, b),
    )


def _weight(subjects: Iterable[str]) -> float:
    weights = vocabulary().weights
    return sum(weights[subject] for subject in subjects)


def _differ(a: Set[str], b: Set[str]) -> bool:
    """Return whether both sides say something and have nothing in common."""
    return bool(a and b and not a & b)


def _identifiers(facts: Facts) -> Set[str]:
    """Return the numbers of houses and poles; shorter ones may be times and quantities."""
    return {number for number in facts.numbers if len(number) >= IDENTIFIER_DIGITS}


def _is_series(a: Facts, b: Facts, metres: float) -> bool:
    """Return whether one person walks along and reports one thing after the other.

    Two known persons are no series: they may well see the same thing at once.
    """
    if a.reporter_id and b.reporter_id and a.reporter_id != b.reporter_id:
        return False
    return abs(a.created_at - b.created_at) < SERIES and metres > SERIES_METRES


def _text(a: Facts, b: Facts) -> float:
    if a.vector is not None and b.vector is not None:
        return float(np.dot(a.vector, b.vector))
    size = math.sqrt(len(a.words) * len(b.words))
    return len(a.words & b.words) / size if size else 0.0


def metres_between(a: Located, b: Located) -> float:
    """Return the distance of two reports in metres, along the great circle.

    It is good to centimetres at the scale of a street.
    """
    north = math.radians(b.latitude - a.latitude)
    east = math.radians(b.longitude - a.longitude)
    chord = math.sin(north / 2) ** 2 + (
        math.cos(math.radians(a.latitude))
        * math.cos(math.radians(b.latitude))
        * math.sin(east / 2) ** 2
    )
    return 2 * math.asin(math.sqrt(chord)) * math.degrees(METRES_PER_DEGREE)


def reasons(a: Facts, b: Facts, features: Features, metres: float) -> list[str]:
    """Say what speaks for one problem and what against it, the strongest first, for staff."""
    days = abs(a.created_at - b.created_at).days
    lines = [
        _listed("Both speak of", a.subjects & b.subjects),
        _listed("Both name", a.numbers & b.numbers),
        _listed("They name different numbers:", _identifiers(a) ^ _identifiers(b))
        if features.other_number
        else "",
        _listed("They name different sides:", a.positions ^ b.positions)
        if features.positions
        else "",
        "Sent within an hour from different spots, as one person reports several things."
        if features.series
        else "",
        f"{metres:.0f} m apart, {days} {'day' if days == 1 else 'days'} between them.",
    ]
    return [line for line in lines if line]


def _listed(opening: str, values: Set[str]) -> str:
    return f"{opening} {', '.join(sorted(values)[:6])}." if values else ""
