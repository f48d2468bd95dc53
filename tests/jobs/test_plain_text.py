"""Texts of people hold what is seen of them, in every script."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from jobs.plain_text import one_line, paragraphs

#: What nobody sees, what turns the direction of the rest, and what a terminal obeys.
HIDDEN = {
    "a zero-width space": "la\u200bmp",
    "a byte order mark": "\ufefflamp",
    "a soft hyphen": "la\u00admp",
    "an override to the left": "la\u202emp\u202c",
    "an isolate": "\u2066lamp\u2069",
    "a mark of direction": "lamp\u200f",
    "a joiner between Latin letters": "la\u200dmp",
    "a selector after a letter": "la\ufe0fmp",
    "a Hangul filler": "\u3164lamp\u115f",
    "tags": "lamp\U000e0041\U000e007f",
    "a colour": "\x1b[1;31mlamp\x1b[0m",
    "a colour in one byte": "\x9b31mlamp",
    "a title of the terminal": "\x1b]0;you are root\x07lamp",
    "a bell and a backspace": "la\x07mp\x08",
    "half a surrogate pair": "lamp\ud800",
    "NUL": "la\0mp",
}
#: Invisible characters that shape what is seen.
SHAPED = {
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
    "Hebrew": "פנס שבור ברחוב הרצל",
    "a Japanese name": "葛\U000e0100城",
    "Mongolian": "ᠠ\u180b",
    "a family": "👨\u200d👩\u200d👧\u200d👦",
    "a heart on fire": "❤\ufe0f\u200d🔥",
    "a rainbow flag": "🏳\ufe0f\u200d🌈",
    "a skin tone": "🧑🏽\u200d🚀",
    "a keycap": "1\ufe0f\u20e3",
    "the flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "accents apart from their letters": "Cafe\u0301",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("clean", [one_line, paragraphs])
def test_what_is_not_seen_is_taken_out(clean: Callable[[str], str], text: str) -> None:
    assert clean(text) == "lamp"


@pytest.mark.parametrize("text", SHAPED.values(), ids=SHAPED)
@pytest.mark.parametrize("clean", [one_line, paragraphs])
def test_what_scripts_and_emoji_need_stays(clean: Callable[[str], str], text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "text", ["", " \t", "\u200b\u200b", "\u3164\u2800", "\u202e", "\x1b[2J", "\u00a0\u2028"]
)
def test_a_text_of_which_nothing_is_seen_is_empty(text: str) -> None:
    assert (one_line(text), paragraphs(text)) == ("", "")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\v", "\f"])
def test_every_end_of_a_line_is_known(end: str) -> None:
    assert one_line(f" broken{end}\tlamp ") == "broken lamp"
    assert paragraphs(f"broken {end}lamp{end}") == "broken\nlamp"


def test_paragraphs_keep_indentation_and_one_empty_line() -> None:
    assert (
        paragraphs("Seen:\r\n  - a lamp\r\n\r\n\r\n\r\n  - a bench  ")
        == "Seen:\n  - a lamp\n\n  - a bench"
    )


@pytest.mark.parametrize("clean", [one_line, paragraphs])
def test_cleaning_twice_changes_nothing_and_never_adds(clean: Callable[[str], str]) -> None:
    characters = "ab \n\r\t\x1b[]m0;\x07\x9b\u200b\u200d\u200c\ufe0f❤🔥ب\u2028\u202e\u3164é\u00a0"
    chance = random.Random(7)
    for _ in range(5_000):
        text = "".join(chance.choices(characters, k=9))
        once = clean(text)
        assert clean(once) == once, ascii(text)
        assert len(once) <= len(text)


@pytest.mark.parametrize(
    "text",
    [" " * 50_000 + "\u200b|", "\x1b]" * 50_000, "\u200b " * 50_000, "\x1b[" + "1;" * 50_000],
)
@pytest.mark.parametrize("clean", [one_line, paragraphs])
def test_no_text_keeps_a_process_busy(clean: Callable[[str], str], text: str) -> None:
    began = time.process_time()
    clean(text)
    assert time.process_time() - began < 5  # a quadratic search takes minutes
