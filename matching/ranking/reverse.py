"""Reverse matching: finding at once the citizens nearest to an opportunity.

The work is bounded, however many citizens there are; `matching.ranking.everyone` reaches the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from jobs.ledger.database import execute
from matching.models import Opportunity, ProfileVector, VectorSpace
from matching.ranking.pipeline import load
from matching.ranking.saving import as_match, upsert_matches
from matching.ranking.scoring import Candidate, Ranked, rank
from matching.ranking.wishes import feedback_of, wish_of
from matching.search.criteria import Criteria, wishes_met_by
from matching.search.nearest import CITIZENS, nearest
from matching.search.tuning import limit_statements
from matching.text.rarity import current_rarity
from matching.vectors.spaces import active_space

#: The similarity from which on an opportunity is saved as a match of a citizen.
SIMILARITY_MINIMUM = 0.35


def find_citizens(opportunity_ids: Sequence[str]) -> list[UUID]:
    """Save each opportunity as a match of the citizens it suits; return whom to notify.

    It is removed from the matches of citizens it does not suit; one that is full, over or withdrawn
    suits nobody. Matches that a citizen already has, dismissed or applied for stay as they are.
    Citizens to notify are those with a new match of at least MATCHING_NOTICE_SIMILARITY. In the
    caller's transaction.
    """
    limit_statements()
    ids = [UUID(str(opportunity_id)) for opportunity_id in opportunity_ids]
    space, criteria = active_space(), Criteria(day=timezone.localdate())
    are_open = {candidate.id: candidate for candidate in load(ids, criteria, space, has_times=True)}
    to_notify: dict[UUID, None] = {}
    for opportunity in Opportunity.objects.filter(pk__in=ids).order_by("pk").defer("search"):
        candidate = are_open.get(opportunity.pk)
        _take_from_citizens(opportunity, is_open=candidate is not None)
        if space is not None and candidate is not None:
            to_notify |= dict.fromkeys(_save_for_citizens(candidate, opportunity, space))
    return list(to_notify)


def _take_from_citizens(opportunity: Opportunity, *, is_open: bool) -> None:
    """Delete the opportunity's matches with citizens whom it does not suit (`wishes_met_by`).

    If it is not open, delete all of its matches.
    """
    sql, parameters = (
        "DELETE FROM matching_match AS m WHERE m.opportunity_id = %s",
        [opportunity.pk],
    )
    if is_open:
        wishes = wishes_met_by(opportunity)
        sql += f"""
            AND EXISTS (SELECT FROM matching_profile AS p
                        WHERE p.user_id = m.user_id AND NOT ({wishes.sql}))
        """
        parameters += wishes.parameters
    execute(sql, parameters)


def _save_for_citizens(
    candidate: Candidate, opportunity: Opportunity, space: VectorSpace
) -> list[UUID]:
    if candidate.embedding is None:
        return []
    citizens = nearest_citizens(candidate.embedding, opportunity, space)
    similarities = {
        user_id: similarity for user_id, similarity in citizens if similarity >= SIMILARITY_MINIMUM
    }
    ranked = rank_for(list(similarities), candidate, space)
    matches = [
        (
            user_id,
            as_match(one) | ({} if one.reasons else {"reasons": [_reason(similarities[user_id])]}),
        )
        for user_id, one in ranked.items()
    ]
    new = set(upsert_matches(matches, is_update=False))
    minimum = settings.MATCHING_NOTICE_SIMILARITY
    return [user_id for user_id in ranked if user_id in new and similarities[user_id] >= minimum]


def rank_for(
    user_ids: Sequence[UUID], candidate: Candidate, space: VectorSpace
) -> dict[UUID, Ranked]:
    """Return the opportunity's rank for each citizen as a match run would give it.

    So a score means the same wherever it comes from.
    """
    stored = ProfileVector.objects.filter(space=space, profile__user__in=user_ids)
    now, rarity = timezone.now(), current_rarity()
    feedback = feedback_of(user_ids, space.pk)
    ranked = {
        row.profile.user_id: rank(
            wish_of(row, space.dimensions, feedback).wish, [candidate], rarity, now=now, count=1
        )[0]
        for row in stored.select_related("profile")
    }
    return {user_id: ranked[user_id] for user_id in user_ids if user_id in ranked}


def _reason(similarity: float) -> dict[str, Any]:
    return {"kind": "meaning", "text": "Suits your profile", "similarity": round(similarity, 3)}


def nearest_citizens(
    vector: NDArray[np.float32], opportunity: Opportunity, space: VectorSpace
) -> list[tuple[UUID, float]]:
    """Return the citizens nearest to the opportunity among those it suits, with similarities.

    There are at most MATCHING_NOTICES_PER_OPPORTUNITY, each a user's id and 1 - cosine distance,
    nearest first. Those who dismissed it or applied for it are left out.
    """
    where = wishes_met_by(opportunity)
    where.add(
        "NOT EXISTS (SELECT FROM matching_interaction AS i WHERE i.user_id = p.user_id"
        " AND i.opportunity_id = %s AND i.kind IN ('dismiss', 'apply'))",
        opportunity.pk,
    )
    most = settings.MATCHING_NOTICES_PER_OPPORTUNITY
    hits = nearest(vector, CITIZENS, where, space, count=most)
    return [(user_id, 1 - distance) for user_id, distance in hits.distances]


def notice_key(user_id: UUID) -> str:
    """Return the key of the notice of new matches: a citizen gets at most one a day."""
    return f"matches:{user_id}:{timezone.localdate()}"
