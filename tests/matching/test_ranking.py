"""The order of matches: no organisation fills the list."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np

from matching.ranking.scoring import Candidate, Ranked, Wish, rank
from matching.text.terms import BUCKETS, Rarity, Terms

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DIMENSIONS = 8


def vector(*values: float) -> Any:
    padded = np.zeros(DIMENSIONS, dtype=np.float32)
    padded[: len(values)] = values
    return padded / np.linalg.norm(padded)


def candidate(number: int, organisation: str, embedding: Any) -> Candidate:
    return Candidate(
        id=UUID(int=number),
        kind="volunteering",
        organisation=organisation,
        embedding=embedding,
        terms=Terms.of(""),
        place=None,
        is_remote=False,
        created_at=NOW,
    )


def ranked(candidates: list[Candidate], count: int = 20) -> list[Ranked]:
    rarity = Rarity(1, np.zeros(BUCKETS, dtype=np.int32))
    return rank(
        Wish(meaning=vector(1), terms=Terms.of("")), candidates, rarity, now=NOW, count=count
    )


def organisations(found: list[Ranked], candidates: list[Candidate]) -> Counter[str]:
    names = {one.id: one.organisation for one in candidates}
    return Counter(names[one.id] for one in found)


def flood(number: int, embedding: Any, organisation: str = "Flood") -> list[Candidate]:
    """So many postings of one organisation, each better than what anybody else offers."""
    others = [candidate(1000 + i, f"Organisation {i}", vector(1, 2, 0, i % 5)) for i in range(30)]
    return [candidate(i, organisation, embedding(i)) for i in range(number)] + others


def test_postings_that_repeat_each_other_get_few_places() -> None:
    candidates = flood(60, lambda i: vector(1, 0.0001 * i))
    counts = organisations(ranked(candidates), candidates)
    assert counts["Flood"] == 4
    assert sum(counts.values()) == 20


def test_different_postings_of_one_organisation_get_most_places_and_never_all() -> None:
    candidates = flood(
        60, lambda i: vector(1, *(0.6 * (i % 6 == axis) for axis in range(1, 7)), 0.001 * i)
    )
    found = ranked(candidates)
    first, second = found[:10], found[10:]
    assert (
        organisations(first, candidates)["Flood"] == organisations(second, candidates)["Flood"] == 6
    )


def test_a_name_spelt_differently_is_the_same_organisation() -> None:
    candidates = flood(60, lambda i: vector(1, 0.0001 * i))
    spelt = [
        candidate(
            one.id.int,
            f" {one.organisation.upper()}  " if one.id.int % 2 else one.organisation,
            one.embedding,
        )
        for one in candidates
    ]
    counts = organisations(ranked(spelt), spelt)
    assert counts["Flood"] + counts[" FLOOD  "] == 4


def test_an_organisation_alone_fills_the_list() -> None:
    candidates = [candidate(i, "Alone", vector(1, 0.001 * i)) for i in range(25)]
    found = ranked(candidates)
    assert [one.id.int for one in found] == list(range(20))


def test_postings_that_name_no_organisation_do_not_share_one() -> None:
    candidates = flood(12, lambda i: vector(1, 0.0001 * i), organisation="")
    assert organisations(ranked(candidates), candidates)[""] == 12


def test_scores_fall_from_each_match_to_the_next() -> None:
    scores = [one.score for one in ranked(flood(60, lambda i: vector(1, 0.0001 * i)))]
    assert all(before > after for before, after in pairwise(scores))
