"""The words of a text as numbers, to compare texts word by word where meaning alone is too vague.

A text becomes its stems, hashed to 18 bits, with how often each occurs; the rarer a stem is among
the opportunities, the more it weighs (TF-IDF with sublinear frequencies).
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matching.text.data import read_lines
from matching.text.glossary import DEVANAGARI_IN_WORDS, fold

BUCKETS = 1 << 18
_WORD = re.compile(rf"[^\W_](?:[\w{DEVANAGARI_IN_WORDS}+#])*")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ers", "er", "ies", "ed", "es", "s", "y", "e")

#: Words that say little: function words, and words that nearly every profile and offer has.
STOP_WORDS = frozenset(word for line in read_lines("stop_words.txt") for word in line.split())


def stems(text: str) -> Counter[str]:
    """Return the stems of `text` and how often each occurs, without stop words."""
    return Counter(
        stem(word) for word in words_of(text) if word not in STOP_WORDS and len(word) > 1
    )


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
    return zlib.crc32(stem_.encode()) % BUCKETS


@dataclass(frozen=True, slots=True)
class Terms:
    """The stems of one text: int32 buckets, each once, and float32 weights 1 + ln(frequency)."""

    buckets: NDArray[np.int32]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, text: str) -> Terms:
        """Return the stems of a text as numbers."""
        counts: Counter[int] = Counter()
        for stem_, count in stems(text).items():
            counts[bucket(stem_)] += count
        buckets = np.array(sorted(counts), dtype=np.int32)
        frequencies = np.array([counts[int(b)] for b in buckets], dtype=np.float32)
        return cls(
            buckets, (1 + np.log(frequencies)).astype(np.float32) if len(buckets) else frequencies
        )

    def pack(self) -> bytes:
        """Return the terms as bytes, six for each stem.

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
        """Count the stems of many texts, one text at a time, to keep only one in memory."""
        documents, frequencies = 0, np.zeros(BUCKETS, dtype=np.int32)
        for terms in texts:
            documents += 1
            frequencies[terms.buckets] += 1
        return cls(documents, frequencies)

    def weights(self, buckets: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the smoothed inverse document frequency; a stem of no document weighs most."""
        inverse: NDArray[np.float32] = (
            np.log((1 + self.documents) / (1 + self.frequencies[buckets])) + 1
        )
        return inverse.astype(np.float32)


def similarities(query: Terms, texts: list[Terms], rarity: Rarity) -> NDArray[np.float32]:
    """Return the TF-IDF cosine of `query` with each text, float32[len(texts)], from 0 to 1."""
    weight_of = np.zeros(BUCKETS, dtype=np.float32)
    query_weights = query.weights * rarity.weights(query.buckets)
    length = float(np.linalg.norm(query_weights))
    if not texts or length == 0:
        return np.zeros(len(texts), dtype=np.float32)
    weight_of[query.buckets] = query_weights / length
    buckets = np.concatenate([terms.buckets for terms in texts])
    weights = np.concatenate([terms.weights for terms in texts]) * rarity.weights(buckets)
    owner = np.repeat(np.arange(len(texts)), [len(terms.buckets) for terms in texts])
    products = np.bincount(owner, weights * weight_of[buckets], minlength=len(texts))
    lengths = np.sqrt(np.bincount(owner, weights * weights, minlength=len(texts)))
    cosines: NDArray[np.float32] = (products / np.where(lengths > 0, lengths, np.inf)).astype(
        np.float32
    )
    return cosines
