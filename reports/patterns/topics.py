"""Find topics that rise, and the words that name them.

A word rises if more of the recent reports have it than their share. Words that name nothing are
left out: function words of the language of the reports that have them, and words that many of the
city's reports have, in whatever language. The strength of a word is the log-likelihood ratio G2
(Dunning, 1993, Computational Linguistics 19(1), 61-74); its p-value that of Fisher's exact test,
under which dates drawn anew among the same reports bring so many by chance.
Words that stand in the same reports make one topic.

Plain texts and counts, without Django.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from reports.patterns.significance import discoveries, hypergeometric_tail
from reports.patterns.words import Words

#: A word in fewer of the recent reports is not tested.
RECENT_MINIMUM = 5
WORDS_MAXIMUM = 200
#: A word is of the topic of stronger ones if so large a share of its reports have any of them.
TOGETHER = 0.6

#: A word that so large a share of the earlier reports have is common, and names no topic.
COMMON = 0.2
#: A word is a function word if it is one in so large a share of the reports that have it.
FUNCTION = 0.5


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
    """How many reports a period has, and how many of them have each word.

    `function` counts those of them in whose language it is a function word.
    """

    reports: int
    words: Counter[str]
    function: Counter[str]

    @classmethod
    def of(cls, texts: Iterable[str], *, only: Collection[str] | None = None) -> Sample:
        """Count the words of texts, or `only` some words, which bounds the memory."""
        words: Counter[str] = Counter()
        function: Counter[str] = Counter()
        reports = 0
        for text in texts:
            reports += 1
            has = Words.of(text)
            words.update(has.every if only is None else has.every.intersection(only))
            function.update(has.function if only is None else has.function.intersection(only))
        return cls(reports=reports, words=words, function=function)


def testable(recent: Sample) -> frozenset[str]:
    """Return the words that enough recent reports have."""
    return frozenset(word for word, count in recent.words.items() if count >= RECENT_MINIMUM)


def rising(recent: Sample, earlier: Sample, *, rate: float) -> list[RisingWord]:
    """Return the words that rise, the strongest first; `rate` bounds the share of false ones."""
    if not recent.reports or not earlier.reports:
        return []
    tested = [
        _compare(word, recent, earlier)
        for word in sorted(testable(recent))
        if _may_name_a_topic(word, recent, earlier)
    ]
    tested.sort(key=lambda one: (one.p_value, -one.strength, one.word))
    risen = tested[: discoveries([word.p_value for word in tested], rate)]
    return sorted(risen, key=lambda one: (-one.strength, one.word))[:WORDS_MAXIMUM]


def _may_name_a_topic(word: str, recent: Sample, earlier: Sample) -> bool:
    if earlier.words[word] >= COMMON * earlier.reports:
        return False
    as_function = recent.function[word] + earlier.function[word]
    return as_function < FUNCTION * (recent.words[word] + earlier.words[word])


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


def grouped(risen: list[RisingWord], recent: Iterable[str], earlier: Sample) -> list[Topic]:
    """Return the words as topics, the strongest first.

    Args:
        recent: the texts of the recent reports, once more.
    """
    known = {word.word: word for word in risen}
    having: dict[frozenset[str], int] = Counter()
    reports = 0
    for text in recent:
        reports += 1
        if words := Words.of(text).every.intersection(known):
            having[words] += 1
    groups = _joined(known, having)
    share = reports / max(reports + earlier.reports, 1)
    return [_topic([known[word] for word in group], having, share) for group in groups]


def _joined(known: dict[str, RisingWord], having: dict[frozenset[str], int]) -> list[list[str]]:
    """Return groups of words that stand in the same reports, each by its strongest words.

    A word joins the first group whose words, any of them, most of its own reports have.
    """
    having_word: dict[str, set[frozenset[str]]] = {word: set() for word in known}
    for words in having:
        for word in words:
            having_word[word].add(words)
    groups: list[tuple[list[str], set[frozenset[str]]]] = []
    for word, one in known.items():
        own = having_word[word]
        for group, of_group in groups:
            if sum(having[words] for words in own & of_group) >= TOGETHER * one.recent:
                group.append(word)
                of_group.update(own)
                break
        else:
            groups.append(([word], set(own)))
    return [group for group, _ in groups]


def _topic(words: list[RisingWord], having: dict[frozenset[str], int], share: float) -> Topic:
    names = {word.word for word in words}
    first = words[0]
    return Topic(
        words=tuple(word.word for word in words),
        reports=sum(count for several, count in having.items() if several & names),
        expected=(first.recent + first.earlier) * share,
        strength=first.strength,
        p_value=first.p_value,
    )
