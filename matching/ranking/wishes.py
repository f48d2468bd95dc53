"""What a citizen looks for, from a profile or from keywords, as words and as vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from embeddings.embedder import Vectors, get_embedder, space_of, unit_rows
from matching.models import Interaction, OpportunityVector, Profile, ProfileVector, VectorSpace
from matching.ranking.scoring import Wish
from matching.search.geography import Place
from matching.text import glossary
from matching.text.terms import STOP_WORDS, Terms, bucket, stem, words_of
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


def wish_of(stored: ProfileVector, dimensions: int) -> Query:
    """Return the query of a profile, adjusted by what the citizen did with earlier matches."""
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
    """Return the query for keywords, in English where the glossary has their words.

    The languages of the profile help to recognise the language of the keywords. If this process has
    no embedder of the active space, the query has words alone.
    """
    hints = languages_written_by(profile) if profile else ()
    english = glossary.words_in_english(keywords, hints)
    meaning, embedder = None, get_embedder()
    if space and space_of(embedder) == space.label:
        row = embed_each([english], embedder, space)[0]
        meaning = row if row.any() else None
    text = english if english == keywords else f"{english} {keywords}"
    words = _words(text)
    by_bucket = {bucket(stem(word)): word for word in words}
    return Query(Wish(meaning=meaning, terms=Terms.of(text), words=by_bucket), words)


def vector_of(profile: Profile, space: VectorSpace) -> ProfileVector:
    """Return the profile's vector in `space`: the stored one, or a new one if the profile changed.

    If this process has no embedder of the space, the stored one is returned although the profile
    changed; where there is none, one that has the words of the profile and no meaning.
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


def _words(text: str) -> list[str]:
    """Return the words of a text without stop words, each once, in their order."""
    return [
        word for word in dict.fromkeys(words_of(text)) if word not in STOP_WORDS and len(word) > 1
    ]


def _with_feedback(
    meaning: NDArray[np.float32] | None, profile: Profile, space_id: int
) -> NDArray[np.float32] | None:
    """Return the vector moved towards saved and applied opportunities and away from dismissed ones.

    This is relevance feedback after Rocchio (1971), by the FEEDBACK_MAX newest interactions.
    """
    if meaning is None:
        return None
    newest = Interaction.objects.filter(user_id=profile.user_id).order_by("-id")[:FEEDBACK_MAX]
    oldest_first = reversed(list(newest.values_list("opportunity_id", "kind")))
    kinds: dict[UUID, str] = dict(oldest_first)  # the newest interaction with an opportunity counts
    rows = OpportunityVector.objects.filter(
        opportunity__in=kinds, space=space_id, embedding__isnull=False
    )
    vectors = dict(rows.values_list("opportunity_id", "embedding"))
    liked = [vectors[one] for one in vectors if kinds[one] != Interaction.Kind.DISMISS]
    disliked = [vectors[one] for one in vectors if kinds[one] == Interaction.Kind.DISMISS]
    moved = meaning.copy()
    for group, weight in ((liked, LIKED_WEIGHT), (disliked, -DISLIKED_WEIGHT)):
        if group:
            moved += weight * np.mean(
                [np.asarray(vector, dtype=np.float32) for vector in group], axis=0
            )
    unit: Vectors = unit_rows(moved[None, :])
    return np.asarray(unit[0], dtype=np.float32)
