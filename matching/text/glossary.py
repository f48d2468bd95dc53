"""A glossary that puts Spanish and Hindi words into the English of most opportunities.

It is no translation: a list of the words of work, help and neighbourhood, enough for ranking. A
stem of four or more letters (in Hindi three) matches every word that begins with it, which covers
gender, number and conjugation; a shorter one matches only itself. Written for this project; add a
line to `data/` for a word that is missing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from matching.text.data import read_lines

_LONGEST_PHRASE_WORDS = 3
#: Vowel signs and joiners, which `\w` does not match; without the danda, which ends a sentence.
DEVANAGARI_IN_WORDS = "\u0900-\u0963\u0966-\u097f\u200c\u200d"
#: Spellings that writers of Hindi mix: the dot of borrowed sounds, the two signs of a nasal, long
#: and short i and u.
_ONE_SPELLING = str.maketrans("ँईऊीू", "ंइउिु", "\u093c\u200c\u200d")
_NASAL_BEFORE_ITS_KIND = re.compile("[ङञणनम]\u094d(?=[क-घच-झट-ढत-धप-भ])")
_WORD = re.compile(rf"[^\W\d_](?:[\w{DEVANAGARI_IN_WORDS}]|['’](?=\w))*")

#: Frequent small words; a text in which at least a twelfth of the words are among them is Spanish.
_SPANISH_SMALL_WORDS = (
    "el la los las una y de del en que con por para mi me soy busco como trabajo tengo años"
)
_SPANISH_SIGNS = frozenset(_SPANISH_SMALL_WORDS.split())
_SPANISH_SIGN_SHARE = 1 / 12


def languages_of(text: str) -> tuple[str, ...]:
    """Return the glossary's languages that `text` is written in (`es`, `hi`); none for English."""
    words = [fold(word) for word in _WORD.findall(text)]
    signs = sum(word in _SPANISH_SIGNS for word in words)
    is_spanish = signs > 1 and signs >= _SPANISH_SIGN_SHARE * len(words)
    is_hindi = any("\u0900" <= word[0] <= "\u097f" for word in words)
    return ("es",) * is_spanish + ("hi",) * is_hindi


def in_english(text: str, languages: tuple[str, ...]) -> str:
    """Return the English of the words that the glossary has, in order; `text` if it has none."""
    words = [fold(word) for word in _WORD.findall(text)]
    english = [entry for language in languages for entry in _known(words, _stems(language))]
    return " ".join(english) or text


def words_in_english(text: str, hints: Iterable[str]) -> str:
    """Return a few words with the English of those that the glossary has; the others stay.

    `hints` are languages the writer may use: a few words alone hardly show whether they are
    Spanish.
    """
    tags = {tag.partition("-")[0] for tag in hints} | set(languages_of(text))
    words = _WORD.findall(text)
    for language in sorted(tags & _LANGUAGES):
        words = _replaced(words, _stems(language))
    return " ".join(words) if words != _WORD.findall(text) else text


def fold(word: str) -> str:
    """Return the word in lower case without accents.

    In Devanagari, spellings that writers mix become one.
    """
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFD", word.lower())
    plain = "".join(c for c in letters if not "\u0300" <= c <= "\u036f")
    return _NASAL_BEFORE_ITS_KIND.sub("ं", plain.translate(_ONE_SPELLING))


_LANGUAGES = frozenset({"es", "hi"})
#: The shortest stem that stands for all words beginning with it; a sign of Devanagari is a
#: syllable.
_SHORTEST_STEM = {"es": 4, "hi": 3}


@dataclass(frozen=True, slots=True)
class _Stems:
    english: dict[str, str]
    shortest: int


@cache
def _stems(language: str) -> _Stems:
    entries = (entry.partition("=") for entry in read_lines(f"glossary_{language}.txt"))
    english = {
        " ".join(fold(word) for word in stem.split()): meaning.strip()
        for stem, _, meaning in entries
    }
    return _Stems(english, _SHORTEST_STEM[language])


def _known(words: list[str], stems: _Stems) -> list[str]:
    result, position = [], 0
    while position < len(words):
        english, length = _entry_at(words, position, stems)
        if english:
            result.append(english)
        position += length
    return result


def _replaced(words: list[str], stems: _Stems) -> list[str]:
    """Return the words, with the English in place of those that the glossary has."""
    folded, result, position = [fold(word) for word in words], [], 0
    while position < len(words):
        english, length = _entry_at(folded, position, stems)
        result += english.split() if english else words[position : position + length]
        position += length
    return result


def _entry_at(words: list[str], position: int, stems: _Stems) -> tuple[str, int]:
    """Return the English of the longest phrase or stem at `position`, and how many words it covers.

    The English is "" if the glossary has nothing there.
    """
    for length in range(_LONGEST_PHRASE_WORDS, 1, -1):
        if english := stems.english.get(" ".join(words[position : position + length])):
            return english, length
    word = words[position]
    for end in range(len(word), stems.shortest - 1, -1):
        if english := stems.english.get(word[:end]):
            return english, 1
    return stems.english.get(word, ""), 1
