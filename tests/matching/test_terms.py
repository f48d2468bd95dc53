"""The words of a text as numbers."""

from __future__ import annotations

from matching.text.terms import Rarity, Terms, similarities


def test_rare_words_in_common_weigh_more_than_frequent_ones() -> None:
    texts = [
        Terms.of("plumbing and parks"),
        Terms.of("parks and gardens"),
        Terms.of("gardens, parks"),
    ]
    near = similarities(Terms.of("parks plumber"), texts, Rarity.of(texts))
    assert near[0] > near[1]
    assert Terms.unpack(texts[0].pack()).buckets.tolist() == texts[0].buckets.tolist()
    assert len(Terms.unpack(b"odd").buckets) == 0
    assert similarities(Terms.of(""), texts, Rarity.of(texts)).tolist() == [0, 0, 0]
