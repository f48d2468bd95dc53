"""Reverse matching: the citizens an opportunity suits.

The work is bounded, however many citizens there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from numpy.typing import NDArray
from pgvector import Vector

from matching.models import Opportunity, ProfileVector, VectorSpace
from matching.ranking.pipeline import load, wish_of
from matching.ranking.saving import as_match, upsert_matches
from matching.ranking.scoring import Candidate, Ranked, rank
from matching.search.geography import KM_PER_DEGREE, kilometers_sql
from matching.search.nearest import (
    IS_OF_ANY_BUILD,
    OVERFETCH,
    Criteria,
    Where,
    estimated_rows,
    index_is_valid,
    limit_statements,
    tuned_for_index,
)
from matching.text.rarity import current_rarity
from matching.vectors.spaces import active_space

#: The similarity from which an opportunity is saved among a citizen's matches.
SIMILARITY_MINIMUM = 0.35
#: So much wider than the circle the band of latitudes is, for what rounding takes away.
BAND_SLACK = 1.001


def find_citizens(opportunity_ids: Sequence[str]) -> list[UUID]:
    """Each opportunity is a match of citizens it suits and of nobody it does not; those to be told,
    since it suits them well.

    In the caller's transaction. What a citizen has already, dismissed or applied for stays as it
    is. One that is full, over or withdrawn suits nobody.
    """
    limit_statements()
    ids = [UUID(str(one)) for one in opportunity_ids]
    space = active_space()
    are_open = {one.id: one for one in load(ids, Criteria(day=timezone.localdate()), space)}
    to_tell: dict[UUID, None] = {}
    for opportunity in Opportunity.objects.filter(pk__in=ids).order_by("pk").defer("search"):
        candidate = are_open.get(opportunity.pk)
        _take_from_citizens(opportunity, is_open=candidate is not None)
        if space is not None and candidate is not None:
            to_tell |= dict.fromkeys(_save_for_citizens(candidate, opportunity, space))
    return list(to_tell)


def _take_from_citizens(opportunity: Opportunity, *, is_open: bool) -> None:
    """It is no match of citizens whose wishes it does not meet, of nobody's where it is not open."""
    sql, parameters = (
        "DELETE FROM matching_match AS m WHERE m.opportunity_id = %s",
        [opportunity.pk],
    )
    if is_open:
        wishes = _wishes(opportunity)
        sql += f" AND EXISTS (SELECT FROM matching_profile AS p WHERE p.user_id = m.user_id AND NOT ({wishes.sql}))"
        parameters += wishes.parameters
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def _save_for_citizens(
    candidate: Candidate, opportunity: Opportunity, space: VectorSpace
) -> list[UUID]:
    if candidate.embedding is None:
        return []
    found = nearest_citizens(candidate.embedding, opportunity, space)
    similarities = {
        user_id: similarity for user_id, similarity in found if similarity >= SIMILARITY_MINIMUM
    }
    ranked = _rank_for(list(similarities), candidate, space)
    matches = [
        (
            user_id,
            as_match(one) | ({} if one.reasons else {"reasons": [_reason(similarities[user_id])]}),
        )
        for user_id, one in ranked.items()
    ]
    new = set(upsert_matches(matches, is_update=False))
    least = settings.MATCHING_NOTICE_SIMILARITY
    return [user_id for user_id in ranked if user_id in new and similarities[user_id] >= least]


def _rank_for(
    user_ids: Sequence[UUID], candidate: Candidate, space: VectorSpace
) -> dict[UUID, Ranked]:
    """What a match run would make of this one candidate for each citizen, so that scores mean the
    same everywhere.
    """
    rows = ProfileVector.objects.filter(space=space, profile__user__in=user_ids).select_related(
        "profile"
    )
    now, rarity = timezone.now(), current_rarity()
    ranked = {
        row.profile.user_id: rank(
            wish_of(row, space.dimensions).wish, [candidate], rarity, now=now, count=1
        )[0]
        for row in rows
    }
    return {user_id: ranked[user_id] for user_id in user_ids if user_id in ranked}


def _reason(similarity: float) -> dict[str, Any]:
    return {"kind": "meaning", "text": "Suits your profile", "similarity": round(similarity, 3)}


def nearest_citizens(
    vector: NDArray[np.float32], opportunity: Opportunity, space: VectorSpace
) -> list[tuple[UUID, float]]:
    """The citizens nearest to it whose wishes it meets, at most MATCHING_NOTICES_PER_OPPORTUNITY,
    with similarities.

    The plan follows the wishes' selectivity, as that of `matching.search.nearest.nearest` does the
    filters'.
    """
    where, most = _wishes(opportunity), settings.MATCHING_NOTICES_PER_OPPORTUNITY
    where.add(
        "NOT EXISTS (SELECT FROM matching_interaction AS i WHERE i.user_id = p.user_id AND i.opportunity_id = %s"
        " AND i.kind IN ('dismiss', 'apply'))",
        opportunity.pk,
    )
    if profile_index_exists(space) and (
        estimated_rows(where, table="matching_profile AS p") > settings.VECTOR_EXACT_ROWS
    ):
        found = _by_index(vector, where, space, most)
        if len(found) >= most:
            return found
    return _exactly(vector, where, space, most)


def _by_index(
    vector: NDArray[np.float32], where: Where, space: VectorSpace, count: int
) -> list[tuple[UUID, float]]:
    """Scan the index on until enough citizens passed or the scan's bound is reached; the best
    `count` of them.
    """
    kind, enough = f"halfvec({space.dimensions})", OVERFETCH * count
    sql = f"""
        WITH found AS MATERIALIZED (
            SELECT p.user_id, v.embedding <=> %s::vector AS distance
            FROM matching_profilevector AS v
            JOIN matching_profile AS p ON p.id = v.profile_id
            JOIN accounts_user AS u ON u.id = p.user_id AND u.is_active
            WHERE v.space_id = {int(space.pk)} AND v.embedding IS NOT NULL AND {IS_OF_ANY_BUILD} AND {where.sql}
            ORDER BY v.embedding::{kind} <=> %s::{kind} LIMIT %s
        )
        SELECT user_id, 1 - distance FROM found ORDER BY distance, user_id LIMIT %s
    """  # noqa: S608 - the conditions are this module's own
    text = Vector(vector).to_text()
    with transaction.atomic():
        tuned_for_index(enough)
        found = _citizens(sql, [text, *where.parameters, text, enough, count])
        transaction.set_rollback(True)  # to the savepoint: the tuning ends here
    return found


def _exactly(
    vector: NDArray[np.float32], where: Where, space: VectorSpace, count: int
) -> list[tuple[UUID, float]]:
    """Compare every citizen who passes."""
    sql = f"""
        WITH suitable AS MATERIALIZED (SELECT p.id, p.user_id FROM matching_profile AS p WHERE {where.sql})
        SELECT suitable.user_id, 1 - (v.embedding <=> %s::vector) FROM suitable
        JOIN accounts_user AS u ON u.id = suitable.user_id AND u.is_active
        JOIN matching_profilevector AS v ON v.profile_id = suitable.id AND v.space_id = {int(space.pk)}
        WHERE v.embedding IS NOT NULL ORDER BY v.embedding <=> %s::vector, suitable.user_id LIMIT %s
    """  # noqa: S608 - the conditions are this module's own
    text = Vector(vector).to_text()
    return _citizens(sql, [*where.parameters, text, text, count])


def _citizens(sql: str, parameters: Sequence[Any]) -> list[tuple[UUID, float]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [(user_id, float(similarity)) for user_id, similarity in cursor.fetchall()]


def profile_index_name(space: VectorSpace) -> str:
    """The name of the approximate index of a space's profiles."""
    return f"matching_profile_vector_ann_{space.pk}"


def profile_index_exists(space: VectorSpace) -> bool:
    """Whether the profiles of the space have a valid approximate index."""
    return index_is_valid(profile_index_name(space))


def _wishes(opportunity: Opportunity) -> Where:
    """What a `matching_profile AS p` must want; one that says nothing wants everything."""
    where = Where()
    where.add("(p.wants = '{}' OR %s = ANY(p.wants))", opportunity.kind)
    if opportunity.languages:
        where.add("(p.languages = '{}' OR p.languages && %s::varchar[])", opportunity.languages)
    if not opportunity.is_remote:
        _add_reach(where, opportunity)
    return where


def _add_reach(where: Where, opportunity: Opportunity) -> None:
    """Near enough for those who say how far they go; the band of latitudes spares most of the
    others the sines.
    """
    anywhere = "p.radius_km IS NULL OR p.latitude IS NULL"
    latitude, longitude = opportunity.latitude, opportunity.longitude
    if latitude is None:
        where.add(f"({anywhere})")
        return
    where.add(
        f"({anywhere} OR abs(p.latitude - %s) * {KM_PER_DEGREE} <= p.radius_km * {BAND_SLACK}"
        f" AND {kilometers_sql('p')} <= p.radius_km)",
        *(latitude, latitude, latitude, longitude),
    )


def notice_key(user_id: UUID) -> str:
    """One notice a citizen and day, however many opportunities are new."""
    return f"matches:{user_id}:{timezone.localdate()}"
