"""The words of a text as numbers, to compare texts word by word where meaning alone is too vague.

A text becomes its terms, hashed to 20 bits, with how often each occurs: the stems of its words, the
beginnings of its words (so that carpenter and carpentry have one in common), and pairs of
successive stems (so that grant writing is more than both words). The rarer a term is among the
opportunities, the more it weighs (TF-IDF with sublinear frequencies).
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matching.text.data import read_lines
from matching.text.glossary import DEVANAGARI_IN_WORDS, fold

#: Stems have buckets of their own, so that the many pairs of stems do not collide with them.
STEM_BUCKETS, BUCKETS = 1 << 18, 1 << 20
PREFIX_LETTERS = 5
_WORD = re.compile(rf"[^\W_](?:[\w{DEVANAGARI_IN_WORDS}+#])*")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ers", "er", "ies", "ed", "es", "s", "y", "e")

#: Words that say little: function words, and words that nearly every profile and offer has.
STOP_WORDS = frozenset(word for line in read_lines("stop_words.txt") for word in line.split())


def buckets_of(text: str) -> list[int]:
    """Return the buckets of the terms of `text` without stop words, as often as they occur.

    Terms are its stems, the first PREFIX_LETTERS letters of its words, and its pairs of stems.
    """
    words = [word for word in words_of(text) if word not in STOP_WORDS and len(word) > 1]
    stems = [stem(word) for word in words]
    beginnings = [f"{word[:PREFIX_LETTERS]}*" for word in words if len(word) >= PREFIX_LETTERS]
    others = [*beginnings, *map(" ".join, pairwise(stems))]
    return [bucket(word_stem) for word_stem in stems] + [
        _bucket_of_other(other) for other in others
    ]


def words_of(text: str) -> list[str]:
    """Return the words and numbers of `text` in lower case, without accents."""
    return [fold(word) for word in _WORD.findall(text)]


def stem(word: str) -> str:
    """Return the word without its English ending; at least four letters stay."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            return word[: -len(suffix)]
    return word


def bucket(stem_: str) -> int:
    """Return the number of a stem, the same in every process."""
    return zlib.crc32(stem_.encode()) % STEM_BUCKETS


def _bucket_of_other(term: str) -> int:
    """Return the number of a beginning or a pair, the same in every process."""
    return STEM_BUCKETS + zlib.crc32(term.encode()) % (BUCKETS - STEM_BUCKETS)


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one text: int32 buckets, each once, and float32 weights 1 + ln(frequency)."""

    buckets: NDArray[np.int32]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, text: str) -> Terms:
        """Return the terms of a text as numbers."""
        counts = Counter(buckets_of(text))
        buckets = np.array(sorted(counts), dtype=np.int32)
        frequencies = np.array([counts[int(b)] for b in buckets], dtype=np.float32)
        return cls(
            buckets, (1 + np.log(frequencies)).astype(np.float32) if len(buckets) else frequencies
        )

    def pack(self) -> bytes:
        """Return the terms as bytes, six for each term.

        First all buckets as little-endian int32, then all weights as float16.
        """
        return self.buckets.astype("<i4").tobytes() + self.weights.astype("<f2").tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Terms:
        """Return the terms that `pack` wrote; none for bytes of another length."""
        count, rest = divmod(len(data), 6)
        if rest:
            count = 0
        buckets = np.frombuffer(data, dtype="<i4", count=count)
        weights = np.frombuffer(data, dtype="<f2", count=count, offset=4 * count)
        return cls(buckets.astype(np.int32), weights.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Rarity:
    """In how many of `documents` texts each bucket occurs."""

    documents: int
    frequencies: NDArray[np.int32] = field(repr=False)

    @classmethod
    def of(cls, texts: Iterable[Terms]) -> Rarity:
        """Count the terms of many texts, one text at a time, to keep only one in memory."""
        documents, frequencies = 0, np.zeros(BUCKETS, dtype=np.int32)
        for terms in texts:
            documents += 1
            frequencies[terms.buckets] += 1
        return cls(documents, frequencies)

    def weights(self, buckets: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the smoothed inverse document frequency; a term of no document weighs most."""
        inverse: NDArray[np.float32] = (
            np.log((1 + self.documents) / (1 + self.frequencies[buckets])) + 1
        )
        return inverse.astype(np.float32)


@dataclass(frozen=True, slots=True)
class WeightedTexts:
    """Many texts to compare others with: their terms one text after the other, weighted by rarity.

    `owners` has the number of the text of each term; the weights of a text have unit length.
    """

    count: int
    buckets: NDArray[np.int32]
    weights: NDArray[np.float32]
    owners: NDArray[np.int64]
    rarity: Rarity

    @classmethod
    def of(cls, texts: Sequence[Terms], rarity: Rarity) -> WeightedTexts:
        """Weight the terms of the texts."""
        empty = Terms.of("")
        buckets = np.concatenate([terms.buckets for terms in (*texts, empty)])
        weights = np.concatenate([terms.weights for terms in (*texts, empty)])
        weights = weights * rarity.weights(buckets)
        counts = np.array([len(terms.buckets) for terms in texts], dtype=np.int64)
        owners = np.repeat(np.arange(len(texts)), counts)
        lengths = np.sqrt(np.bincount(owners, weights * weights, minlength=len(texts)))
        unit = (weights / lengths[owners]).astype(np.float32)
        return cls(len(texts), buckets, unit, owners, rarity)

    def similarities(self, query: Terms) -> NDArray[np.float32]:
        """Return the TF-IDF cosine of `query` with each text, float32[count], from 0 to 1."""
        query_weights = query.weights * self.rarity.weights(query.buckets)
        weight_of = np.zeros(BUCKETS, dtype=np.float32)
        weight_of[query.buckets] = query_weights / max(float(np.linalg.norm(query_weights)), 1e-9)
        products = self.weights * weight_of[self.buckets]
        return np.bincount(self.owners, products, minlength=self.count).astype(np.float32)


def similarities(query: Terms, texts: Sequence[Terms], rarity: Rarity) -> NDArray[np.float32]:
    """Return the TF-IDF cosine of `query` with each text, float32[len(texts)], from 0 to 1."""
    return WeightedTexts.of(texts, rarity).similarities(query)
