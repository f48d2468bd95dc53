"""The complete search for the citizens whom opportunities suit: all citizens, batch by batch.

`matching.ranking.reverse` finds the nearest citizens at once. Those who are further away by meaning
may still be reached by words and place, so everybody is scored here as a match run would do it. The
citizens are read once for several opportunities; only one batch of them is in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

import jobs
from embeddings.embedder import Vectors, unit_rows
from jobs.ledger.database import fetch
from matching.models import Opportunity, VectorSpace
from matching.ranking.pipeline import load
from matching.ranking.reverse import rank_for
from matching.ranking.saving import as_match, upsert_matches
from matching.ranking.scoring import Candidate, freshness_of, nearness_of, scores_of
from matching.ranking.wishes import feedback_of
from matching.search.criteria import Criteria, Where, wishes_met_by
from matching.search.geography import kilometers_from
from matching.search.nearest import received
from matching.search.tuning import limit_statements
from matching.text.rarity import current_rarity
from matching.text.terms import Terms, WeightedTexts
from matching.vectors.spaces import active_space

BATCH_CITIZENS = 1000
#: The score from which on a new opportunity is saved as a match.
SCORE_MINIMUM = 0.3
_BEFORE_ALL = UUID(int=0)


def match_everyone(opportunity_ids: Sequence[str]) -> None:
    """Save the opportunities as matches of all citizens in whose saved matches they would rank.

    Those are the citizens whose wishes an opportunity meets and to whom it scores more than the
    last match of their full list, as of their last run. Matches that a citizen already has stay as
    they are. After an interruption it continues behind the last batch.
    """
    task = jobs.current_task()
    last = UUID(task.checkpoint) if task.checkpoint else _BEFORE_ALL
    is_complete = False
    while not is_complete:
        with task.effects():
            citizens = match_batch(
                [UUID(opportunity_id) for opportunity_id in opportunity_ids], after=last
            )
            is_complete = len(citizens) < BATCH_CITIZENS
            if not is_complete:
                last = citizens[-1]
                task.save_checkpoint(str(last))
        task.progress(0.5, "citizens")


def match_batch(opportunity_ids: Sequence[UUID], *, after: UUID) -> list[UUID]:
    """Save matches of the next citizens whose ids follow `after`; return these citizens.

    In the caller's transaction. Opportunities are read anew, so that one that closed meanwhile is
    matched no more.
    """
    limit_statements()
    space, today = active_space(), timezone.localdate()
    if space is None:
        return []
    candidates = load(opportunity_ids, Criteria(day=today), space, has_times=True)
    rows = Opportunity.objects.defer("search").in_bulk([candidate.id for candidate in candidates])
    citizens = _citizens(
        [wishes_met_by(rows[candidate.id]) for candidate in candidates], space, after
    )
    if not citizens.ids:
        return []
    for number, candidate in enumerate(candidates):
        _save(candidate, citizens.reached_by(candidate, number), citizens, space)
    return citizens.ids


@dataclass(frozen=True, slots=True, kw_only=True)
class _Citizens:
    """A batch of citizens as columns; `suits` has a column for each opportunity."""

    ids: list[UUID]
    vectors: Vectors
    texts: WeightedTexts
    places: NDArray[np.float64]
    floors: NDArray[np.float64]
    suits: NDArray[np.bool_]

    def reached_by(self, candidate: Candidate, number: int) -> list[UUID]:
        """Return those in whose saved matches the candidate would rank."""
        meaning = np.zeros(len(self.ids), dtype=np.float32)
        if candidate.embedding is not None and len(candidate.embedding) == self.vectors.shape[1]:
            meaning = self.vectors @ candidate.embedding
        scores = scores_of(
            meaning,
            self.texts.similarities(candidate.terms),
            nearness=nearness_of(kilometers_from(candidate.place, self.places)),
            freshness=np.array(freshness_of(candidate, timezone.now())),
        )
        return [self.ids[i] for i in np.flatnonzero(self.suits[:, number] & (scores > self.floors))]


def _citizens(wishes: Sequence[Where], space: VectorSpace, after: UUID) -> _Citizens:
    """Read the next citizens whose wishes one of the opportunities meets, in the order of ids."""
    suits = ", ".join(f"({wish.sql}) IS TRUE" for wish in wishes) or "false"
    sql = f"""
        SELECT p.user_id, vector_send(v.embedding), v.terms, p.latitude, p.longitude,
            p.match_floor, met.suits
        FROM matching_profile AS p
        JOIN accounts_user AS u ON u.id = p.user_id AND u.is_active
        JOIN matching_profilevector AS v ON v.profile_id = p.id AND v.space_id = %s
        CROSS JOIN LATERAL (SELECT ARRAY[{suits}] AS suits OFFSET 0) AS met
        WHERE p.user_id > %s AND true = ANY (met.suits) ORDER BY p.user_id LIMIT %s
    """  # noqa: S608 - only conditions from this app
    parameters: list[Any] = [space.pk]
    for one in wishes:
        parameters += one.parameters
    return _columns(fetch(sql, [*parameters, after, BATCH_CITIZENS]), space)


def _columns(rows: Sequence[tuple[Any, ...]], space: VectorSpace) -> _Citizens:
    ids, vectors, terms, latitudes, longitudes, floors, suits = (
        [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 7
    )
    return _Citizens(
        ids=ids,
        vectors=_moved(ids, vectors, space),
        texts=WeightedTexts.of([Terms.unpack(bytes(term)) for term in terms], current_rarity()),
        places=np.array([latitudes, longitudes], dtype=np.float64),
        floors=np.array([max(floor or 0, SCORE_MINIMUM) for floor in floors]),
        suits=np.array(suits, dtype=bool),
    )


def _moved(ids: Sequence[UUID], stored: Sequence[bytes | None], space: VectorSpace) -> Vectors:
    """Return the citizens' vectors as rows, moved by what they did with earlier matches."""
    rows = np.zeros((len(ids), space.dimensions), dtype=np.float32)
    moves = feedback_of(ids, space.pk)
    for i, (user_id, binary) in enumerate(zip(ids, stored, strict=True)):
        if binary is not None:
            rows[i] = received(binary) + moves.get(user_id, 0)
    return unit_rows(rows)


def _save(
    candidate: Candidate, user_ids: Sequence[UUID], citizens: _Citizens, space: VectorSpace
) -> None:
    """Save the candidate for those to whom it still scores enough with everything considered."""
    floors = dict(zip(citizens.ids, citizens.floors, strict=True))
    ranked = rank_for(user_ids, candidate, space)
    upsert_matches(
        [(user, as_match(one)) for user, one in ranked.items() if one.score > floors[user]],
        is_update=False,
    )
