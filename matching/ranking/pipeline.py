"""Finding a citizen's matches: wish, candidates, ranking. The same way for runs, for the nightly
round and for evaluation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection
from django.utils import timezone
from numpy.typing import NDArray

from embeddings.embedder import Vectors, get_embedder, space_of, unit_rows
from matching.models import Interaction, OpportunityVector, Profile, ProfileVector, VectorSpace
from matching.ranking.scoring import Candidate, Ranked, Wish, rank
from matching.search import nearest
from matching.search.geography import Place
from matching.search.nearest import Criteria
from matching.text import glossary
from matching.text.rarity import current_rarity
from matching.text.terms import STOP_WORDS, Rarity, Terms, bucket, stem, words_of
from matching.vectors.storing import (
    ProfileTexts,
    embed_each,
    facets_of,
    languages_written_by,
    profile_vector,
)

QUERY_WORDS, QUERY_WORDS_MIN = 40, 3
#: How much what was saved or applied for, and what was dismissed, turns the vector of a profile.
LIKED_WEIGHT, DISLIKED_WEIGHT = 0.5, 0.15
FEEDBACK_MAX = 50


@dataclass(frozen=True, slots=True)
class Query:
    """A wish with the raw words full text search is asked for."""

    wish: Wish
    words: list[str]

    def at(self, place: Place | None) -> Query:
        """The same, of somebody who is at `place`."""
        return replace(self, wish=replace(self.wish, place=place))


def wish_of(stored: ProfileVector, dimensions: int) -> Query:
    """The wish of a profile, turned by what the citizen did with earlier matches."""
    profile = stored.profile
    texts = ProfileTexts.of(profile)
    words = _words(f"{texts.whole} {texts.original}")
    meaning = None if stored.embedding is None else np.asarray(stored.embedding, dtype=np.float32)
    wish = Wish(
        meaning=_with_feedback(meaning, profile, stored.space_id),
        terms=Terms.unpack(bytes(stored.terms)),
        skills=profile.skills[: len(texts.skills)],
        facets=facets_of(stored, dimensions)[
            : len(profile.skills) if stored.version == profile.version else 0
        ],
        words={bucket(stem(word)): word for word in words},
        place=profile.place,
    )
    return Query(wish, words)


def wish_for_keywords(keywords: str, profile: Profile | None, space: VectorSpace | None) -> Query:
    """The wish for what was typed in, in English where the glossary knows it; the citizen's
    languages help to tell.

    Without an embedder of the active space, words alone decide.
    """
    hints = languages_written_by(profile) if profile else ()
    english = glossary.words_in_english(keywords, hints)
    meaning, embedder = None, get_embedder()
    if space and space_of(embedder) == space.label:
        row = embed_each([english], embedder, space)[0]
        meaning = row if row.any() else None
    told = english if english == keywords else f"{english} {keywords}"
    words = _words(told)
    named = {bucket(stem(word)): word for word in words}
    return Query(Wish(meaning=meaning, terms=Terms.of(told), words=named), words)


def _words(text: str) -> list[str]:
    """The words of a text that say something, each once, in their order."""
    return [
        word for word in dict.fromkeys(words_of(text)) if word not in STOP_WORDS and len(word) > 1
    ]


def _with_feedback(
    meaning: NDArray[np.float32] | None, profile: Profile, space_id: int
) -> NDArray[np.float32] | None:
    """Turned towards what the citizen saved or applied for and away from what they dismissed
    (Rocchio, 1971).
    """
    if meaning is None:
        return None
    newest = Interaction.objects.filter(user_id=profile.user_id).order_by("-id")[:FEEDBACK_MAX]
    oldest_first = reversed(list(newest.values_list("opportunity_id", "kind")))
    kinds: dict[UUID, str] = dict(oldest_first)  # of several with one opportunity the newest counts
    rows = OpportunityVector.objects.filter(
        opportunity__in=kinds, space=space_id, embedding__isnull=False
    )
    vectors = dict(rows.values_list("opportunity_id", "embedding"))
    liked = [vectors[one] for one in vectors if kinds[one] != Interaction.Kind.DISMISS]
    disliked = [vectors[one] for one in vectors if kinds[one] == Interaction.Kind.DISMISS]
    turned = meaning.copy()
    for group, weight in ((liked, LIKED_WEIGHT), (disliked, -DISLIKED_WEIGHT)):
        if group:
            turned += weight * np.mean(
                [np.asarray(vector, dtype=np.float32) for vector in group], axis=0
            )
    unit: Vectors = unit_rows(turned[None, :])
    return np.asarray(unit[0], dtype=np.float32)


def criteria_of(profile: Profile, *, day: date | None) -> Criteria:
    """What the profile demands of an opportunity that is open on `day`; without a day, it may be
    over.
    """
    return Criteria(
        kinds=tuple(profile.wants),
        day=day,
        languages=tuple(profile.languages),
        place=profile.place,
        radius_km=profile.radius_km,
        not_for=profile.user_id,
    )


def find(
    query: Query,
    criteria: Criteria,
    space: VectorSpace | None,
    *,
    count: int,
    rarity: Rarity | None = None,
) -> list[Ranked]:
    """The best `count` matches, best first."""
    rarity = rarity or current_rarity()
    candidates = load(candidate_ids(query, criteria, space, rarity), criteria, space)
    if crowd := crowding(candidates):
        others = replace(criteria, not_of=crowd)
        known = {one.id for one in candidates}
        candidates += load(
            [id_ for id_ in candidate_ids(query, others, space, rarity) if id_ not in known],
            others,
            space,
        )
    return rank(query.wish, candidates, rarity, now=timezone.now(), count=count)


def crowding(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """The organisation with more than half of many candidates, which keeps others from being
    candidates at all.
    """
    if len(candidates) < settings.MATCHING_CANDIDATES:
        return ()
    counts = Counter(one.organisation for one in candidates if one.organisation)
    return tuple(name for name, count in counts.items() if count > len(candidates) / 2)


def candidate_ids(
    query: Query, criteria: Criteria, space: VectorSpace | None, rarity: Rarity
) -> list[UUID]:
    """For each wanted kind, the nearest by meaning and the best by words; the newest for a wish
    that says nothing.
    """
    each = max(settings.MATCHING_CANDIDATES, 1)
    if query.wish.is_empty:
        return nearest.newest(criteria, count=each)
    words = rarest(query.words, rarity)
    found: dict[UUID, None] = {}
    for of_kind in criteria.by_kind():
        if query.wish.meaning is not None and space is not None:
            found |= dict.fromkeys(
                nearest.nearest(query.wish.meaning, of_kind, space, count=each).ids
            )
        found |= dict.fromkeys(nearest.best_text_hits(words, of_kind, count=each))
    return list(found)


def rarest(words: Sequence[str], rarity: Rarity) -> list[str]:
    """The words that tell most, so few that about MATCHING_TEXT_HITS opportunities have one of
    them.

    An OR of common words would hit half of all opportunities, and PostgreSQL would look at each of
    them.
    """
    by_rarity = sorted(words, key=lambda word: int(rarity.frequencies[bucket(stem(word))]))[
        :QUERY_WORDS
    ]
    scale = nearest.opportunity_rows() / max(rarity.documents, 1)
    hits = accumulate(float(rarity.frequencies[bucket(stem(word))]) * scale for word in by_rarity)
    within = sum(1 for total in hits if total <= settings.MATCHING_TEXT_HITS)
    return by_rarity[: max(within, QUERY_WORDS_MIN)]


def load(ids: Sequence[UUID], criteria: Criteria, space: VectorSpace | None) -> list[Candidate]:
    """Those of `ids` that still pass, with what ranking needs."""
    where = criteria.where()
    sql = f"""
        SELECT o.id, o.kind, o.organisation, o.title, o.category, vector_send(v.embedding), v.terms, o.latitude,
               o.longitude, o.is_remote, o.created_at
        FROM matching_opportunity AS o
        LEFT JOIN matching_opportunityvector AS v ON v.opportunity_id = o.id AND v.space_id = %s
        WHERE o.id = ANY(%s) AND {where.sql}
    """  # noqa: S608 - conditions of ours
    with connection.cursor() as cursor:
        cursor.execute(sql, [space.pk if space else None, list(ids), *where.parameters])
        return [_candidate(row) for row in cursor.fetchall()]


def _candidate(row: tuple) -> Candidate:  # type: ignore[type-arg]
    (
        id_,
        kind,
        organisation,
        title,
        category,
        embedding,
        terms,
        latitude,
        longitude,
        is_remote,
        created_at,
    ) = row
    return Candidate(
        id=id_,
        kind=kind,
        organisation=organisation,
        embedding=None
        if embedding is None
        else np.frombuffer(embedding, ">f4", offset=4).astype(np.float32),
        terms=Terms.unpack(bytes(terms)) if terms else Terms.of(f"{title} {category}"),
        place=None if latitude is None else (latitude, longitude),
        is_remote=is_remote,
        created_at=created_at,
    )


def query_for(profile: Profile | None, keywords: str, space: VectorSpace | None) -> Query:
    """What to look for: the keywords if there are any, else what the profile says, embedded now if
    it was not yet.
    """
    if keywords:
        return wish_for_keywords(keywords, profile, space)
    if profile and space:
        return wish_of(stored_vector(profile, space), space.dimensions)
    return Query(Wish(meaning=None, terms=Terms.of("")), [])


def stored_vector(profile: Profile, space: VectorSpace) -> ProfileVector:
    """The profile's vector in `space`: the stored one if it is current, else one made now, if this
    worker can.
    """
    stored = ProfileVector.objects.filter(profile=profile, space=space).first()
    if stored is None or stored.version != profile.version:
        embedder = get_embedder()
        if space_of(embedder) == space.label:
            stored = profile_vector(profile, embedder, space)
    if stored is None:
        stored = ProfileVector(
            profile=profile, space=space, terms=Terms.of(ProfileTexts.of(profile).whole).pack()
        )
    stored.profile = profile
    return stored
