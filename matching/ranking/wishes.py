"""What a citizen looks for, from a profile or from keywords, as words and as vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from embeddings.embedder import get_embedder, unit_rows
from jobs.ledger.database import fetch
from matching.models import Profile, ProfileVector, VectorSpace
from matching.ranking.scoring import Wish
from matching.search.geography import Place
from matching.search.nearest import received
from matching.text import glossary
from matching.text.terms import STOP_WORDS, Terms, bucket, stem, words_of
from matching.text.times import times_of
from matching.vectors.spaces import label_of
from matching.vectors.storing import (
    ProfileTexts,
    embed_each,
    facets_of,
    languages_written_by,
    profile_vector,
)

#: The weights of saved and applied, and of dismissed opportunities, in the vector of a profile.
LIKED_WEIGHT, DISLIKED_WEIGHT = 0.5, 0.15
FEEDBACK_MAX = 50
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Query:
    """A wish, and the words with which full text search is queried."""

    wish: Wish
    words: list[str]

    def at(self, place: Place | None) -> Query:
        """Return the same query of a citizen who is at `place`."""
        return replace(self, wish=replace(self.wish, place=place))


def query_for(profile: Profile | None, keywords: str, space: VectorSpace | None) -> Query:
    """Return the query for the keywords if there are any, otherwise for the profile.

    A profile without a current vector is embedded now.
    """
    if keywords:
        return wish_for_keywords(keywords, profile, space)
    if profile and space:
        return wish_of(vector_of(profile, space), space.dimensions)
    return Query(Wish(meaning=None, terms=Terms.of("")), [])


def wish_of(
    stored: ProfileVector, dimensions: int, feedback: Mapping[UUID, Vector] | None = None
) -> Query:
    """Return the query of a profile, adjusted by what the citizen did with earlier matches.

    `feedback` is what `feedback_of` returned for several citizens; without it, it is read now.
    """
    profile = stored.profile
    texts = ProfileTexts.of(profile)
    words = _words(f"{texts.whole} {texts.original}")
    meaning = None if stored.embedding is None else np.asarray(stored.embedding, dtype=np.float32)
    if feedback is None:
        feedback = feedback_of([profile.user_id], stored.space_id)
    if meaning is not None and profile.user_id in feedback:
        meaning = np.asarray(unit_rows((meaning + feedback[profile.user_id])[None, :])[0])
    wish = Wish(
        meaning=meaning,
        terms=Terms.unpack(bytes(stored.terms)),
        skills=profile.skills[: len(texts.skills)],
        facets=facets_of(stored, dimensions)[
            : len(profile.skills) if stored.version == profile.version else 0
        ],
        words={bucket(stem(word)): word for word in words},
        place=profile.place,
        times=times_of(profile.availability),
    )
    return Query(wish, words)


def wish_for_keywords(keywords: str, profile: Profile | None, space: VectorSpace | None) -> Query:
    """Return the query for keywords, in English where the glossary has their words.

    The languages of the profile help to recognise the language of the keywords. If this process has
    no embedder of the active space, the query has words alone.
    """
    hints = languages_written_by(profile) if profile else ()
    english = glossary.words_in_english(keywords, hints)
    meaning, embedder = None, get_embedder()
    if space and label_of(embedder) == space.label:
        row = embed_each([english], embedder, space)[0]
        meaning = row if row.any() else None
    text = english if english == keywords else f"{english} {keywords}"
    words = _words(text)
    wish = Wish(
        meaning=meaning,
        terms=Terms.of(text),
        words={bucket(stem(word)): word for word in words},
        times=times_of(profile.availability) if profile else 0,
    )
    return Query(wish, words)


def vector_of(profile: Profile, space: VectorSpace) -> ProfileVector:
    """Return the profile's vector in `space`: the stored one, or a new one if the profile changed.

    If this process has no embedder of the space, the stored one is returned although the profile
    changed; where there is none, one that has the words of the profile and no meaning.
    """
    stored = ProfileVector.objects.filter(profile=profile, space=space).first()
    if stored is None or stored.version != profile.version:
        embedder = get_embedder()
        if label_of(embedder) == space.label:
            stored = profile_vector(profile, embedder, space)
    if stored is None:
        stored = ProfileVector(
            profile=profile, space=space, terms=Terms.of(ProfileTexts.of(profile).whole).pack()
        )
    stored.profile = profile
    return stored


def _words(text: str) -> list[str]:
    """Return the words of a text without stop words, each once, in their order."""
    return [
        word for word in dict.fromkeys(words_of(text)) if word not in STOP_WORDS and len(word) > 1
    ]


def feedback_of(user_ids: Sequence[UUID], space_id: int) -> dict[UUID, Vector]:
    """Return how far what citizens did with opportunities moves the vectors of their profiles.

    They move towards saved and applied opportunities and away from dismissed ones, after Rocchio
    (1971). Of each citizen the FEEDBACK_MAX newest interactions count, and of those with one
    opportunity the newest. Citizens without interactions are left out.
    """
    sql = """
        WITH newest AS (
            SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY id DESC) AS place
            FROM matching_interaction WHERE user_id = ANY(%s)
        ), counting AS (
            SELECT DISTINCT ON (user_id, opportunity_id) user_id, opportunity_id, kind
            FROM newest WHERE place <= %s ORDER BY user_id, opportunity_id, id DESC
        )
        SELECT c.user_id, c.kind = 'dismiss', vector_send(avg(v.embedding)) FROM counting AS c
        JOIN matching_opportunityvector AS v
            ON v.opportunity_id = c.opportunity_id AND v.space_id = %s AND v.embedding IS NOT NULL
        GROUP BY 1, 2
    """
    moves: dict[UUID, Vector] = {}
    for user_id, is_disliked, mean in fetch(sql, (list(user_ids), FEEDBACK_MAX, space_id)):
        weight = -DISLIKED_WEIGHT if is_disliked else LIKED_WEIGHT
        moves[user_id] = moves.get(user_id, np.float32(0)) + weight * received(mean)
    return moves
