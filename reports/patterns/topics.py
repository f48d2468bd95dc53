"""Find topics that rise, and the words that name them.

A word rises if more of the recent reports have it than their share. Its strength is the
log-likelihood ratio G2 (Dunning, 1993, Computational Linguistics 19(1), 61-74); its p-value that of
Fisher's exact test, under which dates drawn anew among the same reports bring so many by chance.
Words that stand in the same reports make one topic.

Plain texts and counts, without Django.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations

from reports.patterns.significance import discoveries, hypergeometric_tail

WORD_MINIMUM_CHARACTERS = 3
TEXT_CHARACTERS = 4_000
#: A word in fewer of the recent reports is not tested.
RECENT_MINIMUM = 5
WORDS_MAXIMUM = 200
#: A word is of the topic of a stronger one if so large a share of its reports have both.
TOGETHER = 0.6

_WORD = re.compile(r"[\w\u0900-\u097f]+")


def words_of(text: str) -> set[str]:
    """Return the distinct words of a text in lower case, without numbers and short words."""
    plain = unicodedata.normalize("NFKC", text[:TEXT_CHARACTERS]).lower()
    return {
        word
        for word in _WORD.findall(plain)
        if len(word) >= WORD_MINIMUM_CHARACTERS and not any(map(str.isdigit, word))
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RisingWord:
    """A word with the reports that have it, recently and earlier."""

    word: str
    recent: int
    earlier: int
    strength: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Words that rise together, the strongest first, and the recent reports with any of them.

    `expected` is the number of recent reports with the first word, had its share stayed the same.
    """

    words: tuple[str, ...]
    reports: int
    expected: float
    strength: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How many reports a period has, and how many of them have each word."""

    reports: int
    words: Counter[str]

    @classmethod
    def of(cls, texts: Iterable[str], *, only: Collection[str] | None = None) -> Sample:
        """Count the words of texts, or `only` some words, which bounds the memory."""
        words: Counter[str] = Counter()
        reports = 0
        for text in texts:
            reports += 1
            words.update(words_of(text) if only is None else words_of(text) & only)  # type: ignore[operator]
        return cls(reports=reports, words=words)


def testable(recent: Sample) -> frozenset[str]:
    """Return the words that enough recent reports have."""
    return frozenset(word for word, count in recent.words.items() if count >= RECENT_MINIMUM)


def rising(recent: Sample, earlier: Sample, *, rate: float) -> list[RisingWord]:
    """Return the words that rise, the strongest first; `rate` bounds the share of false ones."""
    if not recent.reports or not earlier.reports:
        return []
    tested = [_compare(word, recent, earlier) for word in sorted(testable(recent))]
    tested.sort(key=lambda one: (one.p_value, -one.strength, one.word))
    found = tested[: discoveries([one.p_value for one in tested], rate)]
    return sorted(found, key=lambda one: (-one.strength, one.word))[:WORDS_MAXIMUM]


def _compare(word: str, recent: Sample, earlier: Sample) -> RisingWord:
    now, before = recent.words[word], earlier.words[word]
    total = recent.reports + earlier.reports
    return RisingWord(
        word=word,
        recent=now,
        earlier=before,
        strength=_log_likelihood_ratio(now, recent.reports, before, earlier.reports),
        p_value=hypergeometric_tail(now, recent.reports, now + before, total),
    )


def _log_likelihood_ratio(now: int, recent: int, before: int, earlier: int) -> float:
    """Return G2 of the two by two table of reports with and without the word."""
    share = (now + before) / (recent + earlier)
    cells = (
        (now, recent * share),
        (recent - now, recent * (1 - share)),
        (before, earlier * share),
        (earlier - before, earlier * (1 - share)),
    )
    return 2 * math.fsum(count * math.log(count / usual) for count, usual in cells if count)


def grouped(found: list[RisingWord], recent: Iterable[str], earlier: Sample) -> list[Topic]:
    """Return the words as topics, the strongest first.

    Args:
        recent: the texts of the recent reports, once more.
    """
    known = {one.word: one for one in found}
    having: dict[frozenset[str], int] = Counter()
    reports = 0
    for text in recent:
        reports += 1
        if words := frozenset(words_of(text) & known.keys()):
            having[words] += 1
    groups = _joined(known, having)
    share = reports / max(reports + earlier.reports, 1)
    return [_topic([known[word] for word in group], having, share) for group in groups]


def _joined(known: dict[str, RisingWord], having: dict[frozenset[str], int]) -> list[list[str]]:
    """Return groups of words that stand in the same reports, each by its strongest words.

    A word joins the first group whose strongest word it accompanies.
    """
    both: Counter[tuple[str, str]] = Counter()
    for words, count in having.items():
        for pair in combinations(sorted(words), 2):
            both[pair] += count
    groups: list[list[str]] = []
    for word, one in known.items():
        for group in groups:
            first = known[group[0]]
            together = both[(min(word, first.word), max(word, first.word))]
            if together >= TOGETHER * one.recent:
                group.append(word)
                break
        else:
            groups.append([word])
    return groups


def _topic(words: list[RisingWord], having: dict[frozenset[str], int], share: float) -> Topic:
    names = {one.word for one in words}
    first = words[0]
    return Topic(
        words=tuple(one.word for one in words),
        reports=sum(count for several, count in having.items() if several & names),
        expected=(first.recent + first.earlier) * share,
        strength=first.strength,
        p_value=first.p_value,
    )
