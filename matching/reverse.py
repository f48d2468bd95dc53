"""Reverse matching: the citizens a new opportunity suits. The work is bounded, however many citizens there are."""

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

from matching.finding import upsert_matches
from matching.models import Opportunity, OpportunityVector, VectorSpace
from matching.search import EARTH_RADIUS_KM, IS_OF_ANY_BUILD, index_is_valid, tuned_for_index
from matching.spaces import active_space

#: The similarity from which an opportunity is saved among a citizen's matches.
SIMILARITY_MINIMUM = 0.35


def find_citizens(opportunity_ids: Sequence[str]) -> list[UUID]:
    """Save each opportunity for the citizens it suits; those to be told, since it suits them well.

    In the caller's transaction. What a citizen has already, dismissed or applied for stays as it is.
    """
    space = active_space()
    if space is None:
        return []
    to_tell: dict[UUID, None] = {}
    rows = OpportunityVector.objects.filter(space=space, opportunity__in=opportunity_ids, embedding__isnull=False)
    for row in rows.select_related("opportunity").defer("opportunity__search"):
        if row.opportunity.is_active:
            to_tell |= dict.fromkeys(_save_for_citizens(row, space))
    return list(to_tell)


def _save_for_citizens(row: OpportunityVector, space: VectorSpace) -> list[UUID]:
    found = nearest_citizens(np.asarray(row.embedding), row.opportunity, space)
    matches = [
        (user_id, {"opportunity_id": str(row.opportunity_id), "score": round(score, 6), "reasons": [_reason(score)]})
        for user_id, score in found
        if score >= SIMILARITY_MINIMUM
    ]
    new = set(upsert_matches(matches, is_update=False))
    return [user_id for user_id, score in found if user_id in new and score >= settings.MATCHING_NOTICE_SIMILARITY]


def _reason(score: float) -> dict[str, Any]:
    return {"kind": "meaning", "text": "Suits your profile", "similarity": round(score, 3)}


def nearest_citizens(
    vector: NDArray[np.float32], opportunity: Opportunity, space: VectorSpace
) -> list[tuple[UUID, float]]:
    """The citizens nearest to it whose wishes it meets, at most MATCHING_NOTICES_PER_OPPORTUNITY, with similarities."""
    has_index = profile_index_exists(space)
    kind = f"halfvec({space.dimensions})" if has_index else f"vector({space.dimensions})"
    conditions, parameters = _conditions(opportunity)
    sql = f"""
        WITH found AS MATERIALIZED (
            SELECT p.user_id, v.embedding::{kind} <=> %s::{kind} AS distance
            FROM matching_profilevector AS v
            JOIN matching_profile AS p ON p.id = v.profile_id
            JOIN accounts_user AS u ON u.id = p.user_id AND u.is_active
            WHERE v.space_id = {int(space.pk)} AND v.embedding IS NOT NULL AND {IS_OF_ANY_BUILD}
              AND {" AND ".join(conditions)}
            ORDER BY v.embedding::{kind} <=> %s::{kind} LIMIT %s
        )
        SELECT user_id, 1 - distance FROM found ORDER BY distance, user_id
    """  # noqa: S608 - the conditions are this module's own
    text, most = Vector(vector).to_text(), settings.MATCHING_NOTICES_PER_OPPORTUNITY
    with transaction.atomic(), connection.cursor() as cursor:
        if has_index:
            tuned_for_index(most)
        cursor.execute(sql, [text, *parameters, text, most])
        found = [(user_id, float(similarity)) for user_id, similarity in cursor.fetchall()]
        transaction.set_rollback(True)  # to the savepoint: the tuning ends here
    return found


def profile_index_name(space: VectorSpace) -> str:
    """The name of the approximate index of a space's profiles."""
    return f"matching_profile_vector_ann_{space.pk}"


def profile_index_exists(space: VectorSpace) -> bool:
    """Whether the profiles of the space have a valid approximate index."""
    return index_is_valid(profile_index_name(space))


def _conditions(opportunity: Opportunity) -> tuple[list[str], list[Any]]:
    """What a profile must want; one that says nothing wants everything."""
    conditions = ["(p.wants = '{}' OR %s = ANY(p.wants))"]
    parameters: list[Any] = [opportunity.kind]
    conditions.append(
        "NOT EXISTS (SELECT FROM matching_interaction AS i WHERE i.user_id = p.user_id AND i.opportunity_id = %s"
        " AND i.kind IN ('dismiss', 'apply'))"
    )
    parameters.append(opportunity.pk)
    if opportunity.languages:
        conditions.append("(p.languages = '{}' OR p.languages && %s::varchar[])")
        parameters.append(opportunity.languages)
    if not opportunity.is_remote:
        within, where = _within_reach(opportunity)
        conditions.append(within)
        parameters += where
    return conditions, parameters


def _within_reach(opportunity: Opportunity) -> tuple[str, list[Any]]:
    """Near enough for those who say how far they go."""
    anywhere = "p.radius_km IS NULL OR p.latitude IS NULL"
    if opportunity.latitude is None:
        return f"({anywhere})", []
    within = (
        f"({anywhere} OR 2 * {EARTH_RADIUS_KM} * asin(sqrt(least(1, sin(radians(p.latitude - %s) / 2) ^ 2"
        " + cos(radians(%s)) * cos(radians(p.latitude)) * sin(radians(p.longitude - %s) / 2) ^ 2))) <= p.radius_km)"
    )
    return within, [opportunity.latitude, opportunity.latitude, opportunity.longitude]


def notice_key(user_id: UUID) -> str:
    """One notice a citizen and day, however many opportunities are new."""
    return f"matches:{user_id}:{timezone.localdate()}"
