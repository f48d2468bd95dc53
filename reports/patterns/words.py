"""The words of a text, and which of them only hold its sentences together.

Plain texts, without Django.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

WORD_MINIMUM_CHARACTERS = 3
TEXT_CHARACTERS = 4_000

_WORD = re.compile(r"[\w\u0900-\u097f]+")
_HAN, _KANA = re.compile(r"[\u3400-\u9fff]+"), re.compile(r"[\u3040-\u30ff]")
_KATAKANA = re.compile(r"[\u30a0-\u30ff]{3,}")
#: Marks above and below letters of Europe's scripts, which many people do not type.
_ACCENT = re.compile(r"[\u0300-\u036f]")
#: Written without spaces; its list has characters in place of words.
CHINESE = "zh"


@dataclass(frozen=True, slots=True)
class Words:
    """The distinct words of a text in lower case, without numbers and short words.

    `function` are those of them that are function words of the text's language.
    """

    every: frozenset[str]
    function: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Words:
        """Return the words of a text; of Chinese and Japanese pairs of characters stand for them.

        The language of a text is the one of most of its function words.
        """
        plain = unicodedata.normalize("NFKC", text[:TEXT_CHARACTERS]).lower()
        words = {part for word in _WORD.findall(plain) for part in _parts(word, plain)}
        every = frozenset(word for word in words if _is_counted(word))
        return cls(every, every & _function_words_among(words))


def languages() -> list[str]:
    """Return the languages whose function words are known (ISO 639-1)."""
    return list(_lists())


def _parts(word: str, text: str) -> Iterator[str]:
    """Yield a word, or what of it is a word where the script has no spaces between words."""
    if not _HAN.search(word) and not _KANA.search(word):
        yield word
        return
    yield from _KATAKANA.findall(word)
    small = frozenset() if _KANA.search(text) else _lists()[CHINESE]
    for run in _HAN.findall(word):
        pairs = (run[at : at + 2] for at in range(len(run) - 1))
        yield from (pair for pair in pairs if small.isdisjoint(pair))


def _is_counted(word: str) -> bool:
    is_long = len(word) >= WORD_MINIMUM_CHARACTERS or bool(_HAN.match(word))
    return is_long and not any(map(str.isdigit, word))


def _function_words_among(words: set[str]) -> set[str]:
    """Return the function words of the language with most of them; of several such languages, of
    the first in the file.
    """
    by_word = _languages_by_word()
    known = {word: by_word[plain] for word in words if (plain := _plain(word)) in by_word}
    votes = Counter(language for several in known.values() for language in several)
    if not votes:
        return set()
    most = max(votes.values())
    language = next(language for language in _lists() if votes[language] == most)
    return {word for word, several in known.items() if language in several}


@cache
def _languages_by_word() -> dict[str, list[str]]:
    by_word: dict[str, list[str]] = {}
    for language, words in _lists().items():
        for word in words:
            by_word.setdefault(word, []).append(language)
    return by_word


@cache
def _lists() -> dict[str, frozenset[str]]:
    """Return the function words of each language, without accents."""
    text = files("reports.patterns").joinpath("data", "function_words.txt").read_text("utf-8")
    lines = (line.split(":", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: frozenset(map(_plain, words.split())) for name, words in lines}


def _plain(word: str) -> str:
    """Return a word in lower case without accents."""
    return _ACCENT.sub("", unicodedata.normalize("NFD", word.lower()))
