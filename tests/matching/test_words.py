"""What is made of the words of a text: stems and how rare they are, and English for Spanish and Hindi."""

from __future__ import annotations

from matching.glossary import in_english, languages_of
from matching.terms import Rarity, Terms, similarities


def test_rare_words_in_common_weigh_more_than_frequent_ones() -> None:
    texts = [Terms.of("plumbing and parks"), Terms.of("parks and gardens"), Terms.of("gardens, parks")]
    near = similarities(Terms.of("parks plumber"), texts, Rarity.of(texts))
    assert near[0] > near[1]
    assert Terms.unpack(texts[0].pack()).buckets.tolist() == texts[0].buckets.tolist()
    assert len(Terms.unpack(b"odd").buckets) == 0
    assert similarities(Terms.of(""), texts, Rarity.of(texts)).tolist() == [0, 0, 0]


def test_the_glossary_knows_languages_and_inflections() -> None:
    spanish = "Busco trabajo en la limpieza de los parques y con niños"
    assert languages_of(spanish) == ("es",)
    assert "cleaning" in in_english(spanish, ("es",))
    assert "children" in in_english(spanish, ("es",))
    assert languages_of("I repair bikes in the park") == ()
    assert in_english("xyz", ("es",)) == "xyz"
    assert "trees" in in_english("मैं पेड़ों की देखभाल करता हूँ", ("hi",))
