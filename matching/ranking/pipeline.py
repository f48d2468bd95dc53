"""Finding a citizen's matches: first candidates, then their ranking.

Match runs, the nightly round and the evaluation all use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import accumulate
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from jobs.ledger.database import fetch
from matching.models import Profile, VectorSpace
from matching.ranking.scoring import Candidate, Ranked, rank
from matching.ranking.wishes import Query
from matching.search import lookups
from matching.search.criteria import Criteria
from matching.search.nearest import OPPORTUNITIES, nearest, received
from matching.text.rarity import current_rarity
from matching.text.terms import Rarity, Terms, bucket, stem
from matching.text.times import NAMES_OF_TIMES, times_within

QUERY_WORDS, QUERY_WORDS_MIN = 40, 3


def criteria_of(profile: Profile, *, day: date | None) -> Criteria:
    """Return the criteria of a profile, for opportunities open on `day`, or at any time if None."""
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
    """Return the best `count` matches, best first.

    If one organisation has most of the candidates, a second search without it adds others.
    """
    rarity, has_times = rarity or current_rarity(), bool(query.wish.times)
    ids = candidate_ids(query, criteria, space, rarity)
    candidates = load(ids, criteria, space, has_times=has_times)
    if crowd := crowding(candidates):
        others = replace(criteria, not_of=crowd)
        known = {candidate.id for candidate in candidates}
        ids = [id_ for id_ in candidate_ids(query, others, space, rarity) if id_ not in known]
        candidates += load(ids, others, space, has_times=has_times)
    return rank(query.wish, candidates, rarity, now=timezone.now(), count=count)


def crowding(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Return the name of the organisation that has more than half of a full list of candidates.

    Returns () if there is none. Such an organisation keeps others from being candidates at all.
    """
    if len(candidates) < settings.MATCHING_CANDIDATES:
        return ()
    counts = Counter(candidate.organisation for candidate in candidates if candidate.organisation)
    return tuple(name for name, count in counts.items() if count > len(candidates) / 2)


def candidate_ids(
    query: Query, criteria: Criteria, space: VectorSpace | None, rarity: Rarity
) -> list[UUID]:
    """Return the ids of candidates: for each kind the nearest by vector and the best by words.

    For an empty wish these are the newest opportunities.
    """
    each = max(settings.MATCHING_CANDIDATES, 1)
    if query.wish.is_empty:
        return lookups.newest(criteria, count=each)
    words = rarest(query.words, rarity)
    ids: dict[UUID, None] = {}
    for of_kind in criteria.by_kind():
        if query.wish.meaning is not None and space is not None:
            ids |= dict.fromkeys(
                nearest(query.wish.meaning, OPPORTUNITIES, of_kind.where(), space, count=each).ids
            )
        ids |= dict.fromkeys(lookups.best_text_hits(words, of_kind, count=each))
    return list(ids)


def rarest(words: Sequence[str], rarity: Rarity) -> list[str]:
    """Return the rarest words, so few that about MATCHING_TEXT_HITS opportunities have one of them.

    With common words in an OR query, PostgreSQL would have to look at half of all opportunities.
    """
    by_rarity = sorted(words, key=lambda word: int(rarity.frequencies[bucket(stem(word))]))[
        :QUERY_WORDS
    ]
    scale = lookups.opportunity_rows() / max(rarity.documents, 1)
    hits = accumulate(float(rarity.frequencies[bucket(stem(word))]) * scale for word in by_rarity)
    within = sum(1 for total in hits if total <= settings.MATCHING_TEXT_HITS)
    return by_rarity[: max(within, QUERY_WORDS_MIN)]


def load(
    ids: Sequence[UUID], criteria: Criteria, space: VectorSpace | None, *, has_times: bool = False
) -> list[Candidate]:
    """Return the candidates among `ids` that meet the criteria, with what ranking needs.

    Their texts are read for the times they name only if `has_times`.
    """
    where = criteria.where()
    sql = f"""
        SELECT o.id, o.kind, o.organisation, o.title, o.category, vector_send(v.embedding),
            v.terms, o.latitude, o.longitude, o.is_remote, o.created_at,
            CASE WHEN %s AND o.search @@ to_tsquery('english', %s)
                THEN concat_ws('. ', o.title, o.description, o.requirements) ELSE '' END,
            o.starts_on, CASE WHEN o.kind = 'event' THEN coalesce(o.ends_on, o.starts_on)
                ELSE o.ends_on END
        FROM matching_opportunity AS o
        LEFT JOIN matching_opportunityvector AS v ON v.opportunity_id = o.id AND v.space_id = %s
        WHERE o.id = ANY(%s) AND {where.sql}
    """  # noqa: S608 - only conditions from this app
    times = [has_times, NAMES_OF_TIMES]
    rows = fetch(sql, [*times, space.pk if space else None, list(ids), *where.parameters])
    return [_candidate(row) for row in rows]


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
        text,
        first_day,
        last_day,
    ) = row
    return Candidate(
        id=id_,
        kind=kind,
        organisation=organisation,
        embedding=None if embedding is None else received(embedding),
        terms=Terms.unpack(bytes(terms)) if terms else Terms.of(f"{title} {category}"),
        place=None if latitude is None else (latitude, longitude),
        is_remote=is_remote,
        created_at=created_at,
        times=times_within(text, first_day, last_day),
    )
