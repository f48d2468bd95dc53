"""Which candidates suit a citizen best, and why: arithmetic on what `matching.search` found.

The relevance of a candidate is a weighted sum of two cosines:

- meaning: of its vector with the profile's;
- words: of its terms with the profile's, by TF-IDF.

Nearness and freshness add a little. The score is 1 - e^(-relevance): it depends on the citizen and
the opportunity alone, not on the other candidates, so that it means the same in every run and in
reverse matching. Another time of the week than the citizen has lowers it, and so does each earlier
match of the same organisation. docs/matching.md says what each part is worth.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from embeddings.embedder import Vectors
from matching.search.geography import Place, kilometers_between
from matching.text.terms import Rarity, Terms, similarities
from matching.text.times import ALWAYS, Times, in_words

Scores = NDArray[np.floating]
Reason = dict[str, Any]

SKILL_SIMILARITY_MINIMUM = 0.3  # from which on a skill is given as a reason
WORDS_NAMED = 4
FRESH_DAYS = 30
NEAR_KM = 10
#: The matches of a page, and how many of them may be of one organisation, or of one organisation
#: and of nearly the same text.
PAGE_MATCHES, ORGANISATION_MAX, ALIKE_MAX = 10, 6, 2
ALIKE_SIMILARITY = 0.9
#: The least difference between the scores of two successive matches: it keeps their order when they
#: are stored.
SCORE_STEP = 1e-6
#: The share of the score that stays if the citizen has no time when it takes place.
OTHER_TIME_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a citizen looks for, as vectors and terms.

    `words` maps buckets of `terms` to their words. `skills` are the citizen's own words for the
    rows of `facets`.
    """

    meaning: NDArray[np.float32] | None
    terms: Terms
    skills: Sequence[str] = ()
    facets: Vectors = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    words: Mapping[int, str] = field(default_factory=dict)
    place: Place | None = None
    times: Times = 0

    @property
    def is_empty(self) -> bool:
        """Return whether there is neither a vector nor a term to compare with."""
        return self.meaning is None and not len(self.terms.buckets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An opportunity to be scored; `embedding` is of unit length."""

    id: UUID
    kind: str
    organisation: str
    embedding: NDArray[np.float32] | None
    terms: Terms
    place: Place | None
    is_remote: bool
    created_at: datetime
    times: Times = 0


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score, 0 to 1, and the reasons for it, most important first."""

    id: UUID
    score: float
    reasons: list[Reason]


def rank(
    wish: Wish, candidates: Sequence[Candidate], rarity: Rarity, *, now: datetime, count: int
) -> list[Ranked]:
    """Return the best `count` candidates, best first; equal scores in the order of their ids."""
    scored = _score(candidates, wish, rarity, now)
    return [
        Ranked(s.candidate.id, round(s.score, 6), _reasons(s, wish)) for s in _varied(scored, count)
    ]


@dataclass(slots=True)
class _Scored:
    candidate: Candidate
    organisation: str
    score: float
    skill_similarities: Scores
    word_similarity: float
    kilometers: float | None
    freshness: float


#: A heap of negative scores.
_Waiting = list[tuple[float, UUID, _Scored]]


def _score(
    candidates: Sequence[Candidate], wish: Wish, rarity: Rarity, now: datetime
) -> list[_Scored]:
    """Return the candidates with their scores."""
    vectors = _stack(candidates, wish)
    words = similarities(wish.terms, [candidate.terms for candidate in candidates], rarity)
    meaning = np.zeros_like(words) if wish.meaning is None else vectors @ wish.meaning
    skills = vectors @ wish.facets.T if len(wish.facets) else np.zeros((len(candidates), 0))
    kilometers = [_distance(wish.place, candidate) for candidate in candidates]
    freshness = [freshness_of(candidate, now) for candidate in candidates]
    scores = scores_of(
        meaning,
        words,
        nearness=nearness_of(np.array(kilometers, dtype=np.float64)),
        freshness=np.array(freshness),
    )
    scores *= [
        OTHER_TIME_SHARE if _clash(candidate.times, wish.times) else 1 for candidate in candidates
    ]
    return [
        _Scored(
            one,
            _organisation(one),
            float(scores[i]),
            skills[i],
            float(words[i]),
            kilometers[i],
            freshness[i],
        )
        for i, one in enumerate(candidates)
    ]


def scores_of(meaning: Scores, words: Scores, *, nearness: Scores, freshness: Scores) -> Scores:
    """Return the scores, 0 to 1, of parts from 0 to 1 (the cosine of meaning may be negative)."""
    weights = settings.MATCHING_WEIGHTS
    relevance = (
        weights["meaning"] * meaning
        + weights["words"] * words
        + weights["distance"] * nearness
        + weights["freshness"] * freshness
    )
    return np.asarray(1 - np.exp(-np.maximum(relevance, 0)))


def _stack(candidates: Sequence[Candidate], wish: Wish) -> Vectors:
    """Return the candidates' vectors as rows.

    The row is zero for a candidate without a vector or with one of another length.
    """
    dimensions = len(wish.meaning) if wish.meaning is not None else wish.facets.shape[1]
    rows = np.zeros((len(candidates), dimensions), dtype=np.float32)
    for i, one in enumerate(candidates):
        if one.embedding is not None and len(one.embedding) == dimensions:
            rows[i] = one.embedding
    return rows


def freshness_of(candidate: Candidate, now: datetime) -> float:
    """Return 1 for a new candidate, falling with its age."""
    return math.exp(-max((now - candidate.created_at).days, 0) / FRESH_DAYS)


def _distance(place: Place | None, candidate: Candidate) -> float | None:
    if place is None or candidate.place is None:
        return None
    return kilometers_between(place, candidate.place)


def nearness_of(kilometers: Scores) -> Scores:
    """Return 1 for a distance of 0, halved every NEAR_KM; 0.5 for an unknown distance, nan."""
    return np.where(np.isnan(kilometers), 0.5, 0.5 ** (kilometers / NEAR_KM))


def _varied(scored: list[_Scored], count: int) -> list[_Scored]:
    """Return the best `count`, varied by organisation, with scores that fall from one to the next.

    Each earlier match of an organisation lowers the score of its next one a little. A page holds at
    most ORGANISATION_MAX of one organisation and ALIKE_MAX of nearly the same text; what exceeds
    this moves to a later page, unless nothing else is left.
    """
    waiting: _Waiting = [(-ranked.score, ranked.candidate.id, ranked) for ranked in scored]
    heapq.heapify(waiting)
    seen: Counter[str] = Counter()
    chosen: list[_Scored] = []
    while waiting and len(chosen) < count:
        chosen += _next_page(waiting, seen, size=min(PAGE_MATCHES, count - len(chosen)))
    for before, after in pairwise(chosen):
        after.score = min(after.score, before.score - SCORE_STEP)
    for ranked in chosen:
        ranked.score = max(0.0, ranked.score)
    return chosen


def _next_page(waiting: _Waiting, seen: Counter[str], *, size: int) -> list[_Scored]:
    """Take the best `size` that fit on one page; the others stay in `waiting`."""
    page: list[_Scored] = []
    postponed: list[_Scored] = []
    while waiting and len(page) < size:
        scored = _pop_best(waiting, seen)
        if _has_room_for(scored, page):
            page.append(_chosen(scored, seen))
        else:
            postponed.append(scored)
    missing = size - len(page)
    page += [_chosen(ranked, seen) for ranked in postponed[:missing]]
    for scored in postponed[missing:]:
        heapq.heappush(waiting, (-scored.score, scored.candidate.id, scored))
    return page


def _pop_best(waiting: _Waiting, seen: Counter[str]) -> _Scored:
    """Take the candidate that is best with the reduced scores of `_cost`."""
    while True:
        negative, id_, one = heapq.heappop(waiting)
        score = one.score - _cost(one, seen)
        if not waiting or -score <= negative or -score <= waiting[0][0]:
            return one
        heapq.heappush(
            waiting, (-score, id_, one)
        )  # its organisation came up meanwhile: compare again


def _cost(scored: _Scored, seen: Counter[str]) -> float:
    return settings.MATCHING_WEIGHTS["variety"] * seen[scored.organisation]


def _chosen(scored: _Scored, seen: Counter[str]) -> _Scored:
    """Return the candidate with its lowered score, counted for its organisation."""
    scored.score -= _cost(scored, seen)
    seen[scored.organisation] += 1
    return scored


def _organisation(candidate: Candidate) -> str:
    """Return the organisation's name, folded; an opportunity without one counts as its own."""
    return " ".join(candidate.organisation.casefold().split()) or str(candidate.id)


def _has_room_for(scored: _Scored, page: list[_Scored]) -> bool:
    """Return whether the page has room for the candidate's organisation and for its text."""
    own = [other for other in page if other.organisation == scored.organisation]
    if len(own) >= ORGANISATION_MAX:
        return False
    return sum(_are_alike(scored.candidate, other.candidate) for other in own) < ALIKE_MAX


def _are_alike(candidate: Candidate, other: Candidate) -> bool:
    """Return whether the texts of two candidates say nearly the same, by their vectors."""
    if (
        candidate.embedding is None
        or other.embedding is None
        or len(candidate.embedding) != len(other.embedding)
    ):
        return False
    return float(candidate.embedding @ other.embedding) > ALIKE_SIMILARITY


def _reasons(scored: _Scored, wish: Wish) -> list[Reason]:
    """Return the reasons for the candidate, as texts with their figures."""
    reasons: list[Reason] = []
    for i in np.argsort(-scored.skill_similarities)[:2]:
        if scored.skill_similarities[i] >= SKILL_SIMILARITY_MINIMUM:
            similarity = round(float(scored.skill_similarities[i]), 3)
            reasons.append(
                {
                    "kind": "skill",
                    "text": f"Suits your skill: {wish.skills[i]}",
                    "similarity": similarity,
                }
            )
    if words := _common_words(scored.candidate, wish):
        similarity = round(scored.word_similarity, 3)
        reasons.append(
            {"kind": "words", "text": f"In common: {', '.join(words)}", "similarity": similarity}
        )
    if scored.kilometers is not None:
        kilometers = round(scored.kilometers, 1)
        reasons.append(
            {"kind": "distance", "text": f"{kilometers} km away", "kilometers": kilometers}
        )
    elif scored.candidate.is_remote:
        reasons.append({"kind": "remote", "text": "Can be done from anywhere"})
    reasons += _reason_of_times(scored.candidate.times, wish.times)
    if scored.freshness > 0.8:
        reasons.append({"kind": "fresh", "text": "New"})
    return reasons


def _clash(times: Times, other: Times) -> bool:
    """Return whether both name times and have none in common."""
    return bool(times and other and not times & other)


def _reason_of_times(offered: Times, free: Times) -> list[Reason]:
    """Return the reason that lies in the times: that none or that all of those offered are free.

    There is none if either side names no times, or if only some of those offered are free.
    """
    if _clash(offered, free):
        return [{"kind": "other_time", "text": f"At another time: {in_words(offered)}"}]
    if not offered or not free or offered & ~free or free == ALWAYS:
        return []
    return [{"kind": "time", "text": f"When you have time: {in_words(offered)}"}]


def _common_words(candidate: Candidate, wish: Wish) -> list[str]:
    shared = np.intersect1d(candidate.terms.buckets, wish.terms.buckets)
    words = [wish.words[int(bucket)] for bucket in shared if int(bucket) in wish.words]
    return sorted(words, key=lambda word: (-len(word), word))[:WORDS_NAMED]
