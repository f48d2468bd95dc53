"""From texts to stored vectors, of opportunities and of profiles, in this worker's vector space.

A vector that is older than its text is recognised by its version. A vector of an older text never
replaces one of a newer text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray
from pgvector import Vector

from embeddings.embedder import Embedder, Vectors, get_embedder, unit_rows
from embeddings.errors import EmbeddingFailed, TextRefused
from jobs.ledger.database import fetch
from matching.models import (
    Opportunity,
    OpportunityVector,
    Profile,
    ProfileVector,
    StoredVector,
    VectorSpace,
)
from matching.text import glossary
from matching.text.terms import Terms
from matching.vectors.spaces import check_shape, space_for

log = structlog.get_logger(__name__)

#: Texts embedded together; between two batches a task can be cancelled.
BATCH_TEXTS = 64
#: From this attempt on, a batch at which the embedding service fails is embedded text by text.
SPLIT_FROM_ATTEMPT = 4
FACETS_MAX = 16


@dataclass(frozen=True, slots=True)
class ProfileTexts:
    """The texts of a profile that are embedded, in English where the glossary has their words.

    There are at most FACETS_MAX skills and as many interests. `original` is the text as it is
    written, or "" if it is in English.
    """

    whole: str
    skills: list[str]
    interests: list[str]
    original: str

    @classmethod
    def of(cls, profile: Profile) -> ProfileTexts:
        """Return the texts of a profile to embed."""
        original = _original(profile)
        languages = glossary.languages_of(original)
        headline, about = (
            glossary.in_english(text, languages) for text in (profile.headline, profile.about)
        )
        skills = [glossary.in_english(skill, languages) for skill in profile.skills]
        interests = [glossary.in_english(interest, languages) for interest in profile.interests]
        whole = _sentence(headline, about, ", ".join(skills), ", ".join(interests))
        return cls(
            whole, skills[:FACETS_MAX], interests[:FACETS_MAX], original if languages else ""
        )


def _original(profile: Profile) -> str:
    skills, interests = ", ".join(profile.skills), ", ".join(profile.interests)
    return f"{profile.headline}. {profile.about} {skills}. {interests}."


def languages_written_by(profile: Profile) -> tuple[str, ...]:
    """Return the languages a citizen may write in.

    These are the languages of the profile, and those of the glossary in which it is written.
    """
    return tuple(dict.fromkeys([*profile.languages, *glossary.languages_of(_original(profile))]))


def _sentence(*parts: str) -> str:
    return ". ".join(part for part in parts if part.strip())


def opportunity_text(opportunity: Opportunity) -> str:
    """Return the text of an opportunity to embed; English words follow Spanish and Hindi ones."""
    text = opportunity.text
    languages = glossary.languages_of(text)
    return f"{text} {glossary.in_english(text, languages)}" if languages else text


def embed_opportunities(ids: Sequence[UUID | str]) -> list[UUID]:
    """Store the vectors of those opportunities that exist; return the ids of the changed ones."""
    return upsert(opportunity_vectors(ids))


def opportunity_vectors(ids: Sequence[UUID | str], *, attempt: int = 1) -> list[OpportunityVector]:
    """Return the vectors of the opportunities that exist, not stored.

    `attempt` is the number of the task's attempt, from 1.
    """
    embedder = get_embedder()
    space = space_for(embedder)
    opportunities = list(Opportunity.objects.filter(pk__in=ids).defer("search"))
    texts = [opportunity_text(opportunity) for opportunity in opportunities]
    vectors = embed_each(texts, embedder, space, is_split=attempt >= SPLIT_FROM_ATTEMPT)
    return [
        OpportunityVector(
            opportunity=opportunity,
            space=space,
            embedding=storable(vector),
            terms=Terms.of(f"{opportunity.title}. {text}").pack(),  # so the title counts twice
            version=opportunity.version,
        )
        for opportunity, text, vector in zip(opportunities, texts, vectors, strict=True)
    ]


def profile_vectors(ids: Sequence[UUID | str], *, attempt: int = 1) -> list[ProfileVector]:
    """Return the vectors of the profiles that exist, not stored.

    `attempt` is the number of the task's attempt, from 1.
    """
    return [
        current_profile_vector(profile, attempt=attempt)
        for profile in Profile.objects.filter(pk__in=ids)
    ]


def current_profile_vector(profile: Profile, *, attempt: int = 1) -> ProfileVector:
    """Return the vector of a profile by this worker's embedder, not stored."""
    embedder = get_embedder()
    return profile_vector(profile, embedder, space_for(embedder), attempt=attempt)


def profile_vector(
    profile: Profile, embedder: Embedder, space: VectorSpace, *, attempt: int = 1
) -> ProfileVector:
    """Return the vector of a profile by `embedder`, not stored.

    Its meaning lies halfway between its whole text and the mean of its skills and interests, each
    embedded by itself: in one text with others, most of them would hardly count.
    """
    texts = ProfileTexts.of(profile)
    each = [texts.whole, *texts.skills, *texts.interests]
    whole, *parts = embed_each(each, embedder, space, is_split=attempt >= SPLIT_FROM_ATTEMPT)
    mean = np.mean(parts, axis=0, keepdims=True) if parts else whole[None, :]
    return ProfileVector(
        profile=profile,
        space=space,
        embedding=storable(unit_rows(whole + unit_rows(mean))[0]),
        facets=np.array(parts[: len(texts.skills)], dtype="<f4").tobytes(),
        terms=Terms.of(f"{texts.whole} {texts.original}").pack(),
        version=profile.version,
    )


def facets_of(stored: ProfileVector, dimensions: int) -> Vectors:
    """Return the vectors of the profile's skills, float32[skills, dimensions]."""
    flat: NDArray[np.float32] = np.frombuffer(bytes(stored.facets), dtype="<f4").astype(np.float32)
    return flat.reshape(-1, dimensions)


def embed_each(
    texts: list[str], embedder: Embedder, space: VectorSpace, *, is_split: bool = False
) -> Vectors:
    """Return a row of unit length for each text, float32[len(texts), dimensions].

    The row is zero for an empty text and for one that the embedder refuses; the other texts are
    embedded all the same. With `is_split` this holds also for a text at which the service fails
    while it embeds others.

    Raises:
        DimensionMismatch: the embedder gave vectors of another shape.
        EmbeddingRefused: the service refuses for another reason than a text.
        EmbeddingUnavailable: another attempt may help.
    """
    try:
        vectors = embedder.embed(texts)
    except (EmbeddingFailed, TextRefused) as error:
        if len(texts) > 1 and is_split:
            return _embed_one_by_one(texts, embedder, space)
        if isinstance(error, EmbeddingFailed):
            raise
        if len(texts) > 1:
            return np.concatenate([embed_each([text], embedder, space) for text in texts])
        log.warning("matching.text_refused", characters=len(texts[0]))
        return np.zeros((1, space.dimensions), dtype=np.float32)
    check_shape(vectors, space, rows=len(texts))
    return unit_rows(vectors)


def _embed_one_by_one(texts: list[str], embedder: Embedder, space: VectorSpace) -> Vectors:
    """Embed each text by itself; a text that fails twice gets a zero row.

    Raises:
        EmbeddingFailed: no text could be embedded, so the service fails, not a text.
    """
    rows = np.zeros((len(texts), space.dimensions), dtype=np.float32)
    left = list(range(len(texts)))
    for _round in range(2):
        failed = []
        for i in left:
            try:
                rows[i] = embed_each([texts[i]], embedder, space)[0]
            except EmbeddingFailed:
                failed.append(i)
        left = failed
        if left and not rows.any():
            raise EmbeddingFailed
    for i in left:
        log.warning("matching.text_failed", characters=len(texts[i]))
    return rows


def storable(vector: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return the vector; None for a zero vector, which has no direction and so no distance."""
    return vector if bool(vector.any()) else None


def upsert(rows: Sequence[OpportunityVector] | Sequence[ProfileVector]) -> list[UUID]:
    """Write vectors in one statement; return the ids of the texts whose vectors were written.

    A stored vector of a newer text stays. Vectors of texts that were deleted meanwhile are left
    out.
    """
    if not rows:
        return []
    model: type[StoredVector] = type(rows[0])
    owner = "opportunity" if model is OpportunityVector else "profile"
    columns = [f"{owner}_id", "space_id", "embedding", "terms", "version"]
    columns += ["facets"] if model is ProfileVector else []
    ordered = sorted(
        rows, key=lambda row: str(getattr(row, columns[0]))
    )  # all writers lock in this order
    sql = f"""
        INSERT INTO {model._meta.db_table} AS old ({", ".join(columns)})
        SELECT new.* FROM (VALUES {", ".join([_placeholders(columns)] * len(ordered))})
            AS new ({", ".join(columns)})
        WHERE EXISTS (SELECT FROM matching_{owner} WHERE id = new.{owner}_id FOR KEY SHARE)
        ON CONFLICT ({owner}_id, space_id) DO UPDATE
        SET {", ".join(f"{column} = excluded.{column}" for column in columns[2:])}
        WHERE old.version <= excluded.version RETURNING {owner}_id
    """  # noqa: S608, SLF001 - names from this function alone; the table's documented name
    values = [_value(row, column) for row in ordered for column in columns]
    return [UUID(str(owner_id)) for (owner_id,) in fetch(sql, values)]


_TYPES = {
    "embedding": "%s::vector",
    "terms": "%s::bytea",
    "facets": "%s::bytea",
    "version": "%s::int",
}


def _placeholders(columns: list[str]) -> str:
    casts = {"space_id": "%s::bigint"} | _TYPES
    return f"({', '.join(casts.get(column, '%s::uuid') for column in columns)})"


def _value(row: StoredVector, column: str) -> Any:
    value = getattr(row, column)
    if column == "embedding" and value is not None:
        return Vector(value).to_text()
    return bytes(value) if column in {"terms", "facets"} else value
