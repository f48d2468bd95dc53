"""The words of a text, in the form in which texts are compared."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator

WORDS_IN_PHRASE = 3

_WORD = re.compile(r"\w+")
#: A word, also with signs that stand for letters, as in "$pam".
_DISGUISED_WORD = re.compile(r"[\w@$!€|]+(?:['’][\w@$!€|]+)*")
_LETTER_OF_SIGN = str.maketrans("@$!€|013457", "asieioieast")
_LONG_RUN = re.compile(r"(.)\1{2,}")
_SPELLED_MINIMUM = 3  # single letters in a row, as in "s p a m"


def digest_of_words(text: str) -> str:
    """Return a digest that ignores case, spaces and punctuation."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


def phrase_of(text: str) -> str:
    """Return the words of a blocked word or phrase as they are compared, separated by spaces."""
    return " ".join(_plain_words(text))


def phrases_in(text: str) -> set[str]:
    """Return every word and every phrase of up to WORDS_IN_PHRASE words in the text.

    Case, accents and signs written for letters make no difference; of a letter that is repeated
    ("spaaam") and of words that are spelled letter by letter ("s p a m") the plain form is in it.
    """
    words = _plain_words(text)
    phrases = {
        " ".join(words[start : start + length])
        for length in range(1, WORDS_IN_PHRASE + 1)
        for start in range(len(words) - length + 1)
    }
    shortened = {_LONG_RUN.sub(kept, phrase) for phrase in phrases for kept in (r"\1", r"\1\1")}
    return phrases | shortened | set(_spelled(words))


def _plain_words(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return [
        _plain(word.strip("!|")) for word in _DISGUISED_WORD.findall(letters) if word.strip("!|")
    ]


def _plain(word: str) -> str:
    """Replace the signs in a word by the letters they stand for, unless it is a number."""
    plain = re.sub("['’]", "", word)
    return plain.translate(_LETTER_OF_SIGN) if any(sign.isalpha() for sign in plain) else plain


def _spelled(words: list[str]) -> Iterator[str]:
    """Yield the words that are spelled by single letters in a row."""
    run = ""
    for word in [*words, "  "]:
        if len(word) == 1:
            run += word
        else:
            if len(run) >= _SPELLED_MINIMUM:
                yield run
            run = ""
