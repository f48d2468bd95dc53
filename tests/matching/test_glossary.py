"""The English of what citizens write in Spanish and Hindi."""

from __future__ import annotations

import pytest

from matching.text.data import read_lines
from matching.text.glossary import fold, in_english, languages_of
from matching.text.terms import words_of


def test_the_glossary_knows_languages_and_inflections() -> None:
    spanish = "Busco trabajo en la limpieza de los parques y con niños"
    assert languages_of(spanish) == ("es",)
    assert "cleaning" in in_english(spanish, ("es",))
    assert "children" in in_english(spanish, ("es",))
    assert languages_of("I repair bikes in the park") == ()
    assert in_english("xyz", ("es",)) == "xyz"
    assert "trees" in in_english("मैं पेड़ों की देखभाल करता हूँ", ("hi",))


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("बाग़बान", "बागवान"),
        ("ज़ुम्बा", "जुंबा"),
        ("हिन्दी", "हिंदी"),
        ("जाँच", "जांच"),
        ("सफ़ाई", "सफाई"),
        ("प्रवासियों", "प्रवासी"),
    ],
)
def test_spellings_that_writers_of_hindi_mix_are_one_word(told: str, meant: str) -> None:
    assert in_english(told, ("hi",)) == in_english(meant, ("hi",)) != told


def test_a_sentence_of_hindi_ends_before_its_danda() -> None:
    assert in_english("मैं नल।", ("hi",)) == "plumbing"
    assert words_of("पानी और नल।")[-1] == "नल"


def test_frequent_words_of_hindi_are_no_taxes_buses_or_cars() -> None:
    assert in_english("बस यह काम कर लेता हूँ, इस कारण", ("hi",)) == "बस यह काम कर लेता हूँ, इस कारण"


def test_a_phrase_says_more_than_its_words() -> None:
    assert in_english("लेखा परीक्षा", ("hi",)) == "audit auditor"
    assert in_english("alarma contra incendio", ("es",)) == "fire alarm"


@pytest.mark.parametrize("language", ["es", "hi"])
def test_no_word_stands_in_the_glossary_twice(language: str) -> None:
    entries = read_lines(f"glossary_{language}.txt")
    stems = [" ".join(map(fold, entry.partition("=")[0].split())) for entry in entries]
    assert all(entry.partition("=")[2].strip() for entry in entries)
    assert sorted(set(stems)) == sorted(stems)
