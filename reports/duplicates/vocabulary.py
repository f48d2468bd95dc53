"""What a report is about, as a set of subjects, whatever language it is written in.

`data/vocabulary.txt` lists the things that break in a city, what befalls them and what stands
around them, with their words in English, Spanish, Dutch and Hindi. Two reports that share no
language can share subjects, which no packaged sentence model sees (docs/duplicates.md has the
figures). Needs no model, so that it runs in the web process too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources

#: How much a subject counts by the section that lists it.
WEIGHTS = {"things": 1.0, "faults": 0.7, "surroundings": 0.3, "positions": 0.0}
PHRASE_WORDS = 4  # the longest phrase of the file
TYPO_MINIMUM_CHARACTERS = 7  # shorter words are too like one another
PREFIX_MINIMUM_CHARACTERS = 2
TEXT_CHARACTERS = 2000
REMEMBERED_WORDS = 20_000

_WORD = re.compile(r"[\w\u0900-\u097f']+")
_ACCENTS = re.compile("[\u0300-\u036f\u093c]")  # Latin marks; the dot below Hindi letters


def words_of(text: str) -> list[str]:
    """Return the words in lower case, without accents and apostrophes."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text[:TEXT_CHARACTERS].lower()))
    return [word.replace("'", "") for word in _WORD.findall(plain)]


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The subjects by their words: whole ones, beginnings, and spellings that lack a letter."""

    weights: dict[str, float]
    whole: dict[str, str] = field(default_factory=dict)
    beginnings: dict[str, str] = field(default_factory=dict)
    shortened: dict[str, str] = field(default_factory=dict)
    openings: set[str] = field(default_factory=set)  # first words of phrases

    def subjects_of(self, words: list[str]) -> frozenset[str]:
        """Return the names of the subjects that the words of a text mention.

        The longest phrase wins: a "traffic light" is no street light.
        """
        subjects, i = set(), 0
        while i < len(words):
            taken, subject = self._longest(words[i : i + PHRASE_WORDS])
            if subject:
                subjects.add(subject)
            i += taken
        return frozenset(subjects)

    def _longest(self, words: list[str]) -> tuple[int, str | None]:
        longest = len(words) if words[0] in self.openings else 1
        for length in range(longest, 1, -1):
            subject = self._meaning(" ".join(words[:length]))
            if subject:
                return length, subject
        return 1, _of_word(self, words[0])

    def of_word(self, word: str) -> str | None:
        """Return the subject of one word, also of a misspelt one."""
        return self._meaning(word) or self._misspelt(word)

    def _meaning(self, phrase: str) -> str | None:
        if phrase in self.whole:
            return self.whole[phrase]
        last_word = phrase.rfind(" ") + 1  # whatever a star stands for, it is one word's ending
        for end in range(len(phrase), last_word + PREFIX_MINIMUM_CHARACTERS - 1, -1):
            if phrase[:end] in self.beginnings:
                return self.beginnings[phrase[:end]]
        return None

    def _misspelt(self, word: str) -> str | None:
        """Return the subject of a longer word with one letter missing or too many."""
        if word in self.shortened:
            return self.shortened[word]
        if len(word) <= TYPO_MINIMUM_CHARACTERS:
            return None
        return next((self.whole[s] for s in _without_a_letter(word) if s in self.whole), None)


@lru_cache(maxsize=REMEMBERED_WORDS)
def _of_word(known: Vocabulary, word: str) -> str | None:
    """Return the subject of a word, remembered: a few words make up most of all texts."""
    return known.of_word(word)


def _without_a_letter(word: str) -> Iterator[str]:
    """Yield the word without each letter but the first, which people seldom get wrong."""
    return (word[:i] + word[i + 1 :] for i in range(1, len(word)))


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary that comes with the product, read once in each process."""
    file = resources.files("reports.duplicates") / "data" / "vocabulary.txt"
    return parse(file.read_text(encoding="utf-8"))


def parse(text: str) -> Vocabulary:
    """Read `[section]` lines, and `subject | words | words ...` lines below them.

    `_` joins the words of a phrase; `*` stands for any ending.
    """
    known, section = Vocabulary(weights={}), ""
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            subject, *columns = (column.strip() for column in line.split("|"))
            known.weights[subject] = WEIGHTS[section]
            for word in " ".join(columns).split():
                _add(known, subject, word)
    return known


def _add(known: Vocabulary, subject: str, word: str) -> None:
    spelling = " ".join(words_of(word.rstrip("*").replace("_", " ")))
    (known.beginnings if word.endswith("*") else known.whole).setdefault(spelling, subject)
    if " " in spelling:
        known.openings.add(spelling.split()[0])
    elif len(spelling) >= TYPO_MINIMUM_CHARACTERS:
        for shorter in _without_a_letter(spelling):
            known.shortened.setdefault(shorter, subject)
