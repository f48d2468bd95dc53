"""How the matches of one citizen are found: the plan, the time of each step, and the recall."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.utils import timezone

from matching.errors import NothingEmbedded
from matching.models import Profile, VectorSpace
from matching.ranking.pipeline import criteria_of, find, rarest
from matching.ranking.wishes import Query, query_for
from matching.search.criteria import Criteria
from matching.search.indexes import is_valid, opportunity_index
from matching.search.lookups import best_text_hits
from matching.search.nearest import OPPORTUNITIES, nearest
from matching.text.rarity import current_rarity
from matching.vectors.spaces import active_space


def explain(profile: Profile, keywords: str) -> dict[str, Any]:
    """Return plans, timings in milliseconds and recall of each kind, and the best five matches.

    Raises:
        NothingEmbedded: there is no vector space yet.
    """
    space = active_space()
    if space is None:
        raise NothingEmbedded
    started = time.perf_counter()
    criteria = criteria_of(profile, day=timezone.localdate())
    query = query_for(profile, keywords, space).at(criteria.place)
    explanation: dict[str, Any] = {
        "space": space.label,
        "index": is_valid(opportunity_index(space)),
        "query_ms": _since(started),
    }
    plans = [_plan(query, of_kind, space) for of_kind in criteria.by_kind()]
    started = time.perf_counter()
    matches = find(query, criteria, space, count=100)
    explanation |= {"plans": plans, "run_ms": _since(started), "matches": len(matches)}
    return explanation | {
        "best": [
            {"id": match.id, "score": match.score, "reasons": match.reasons}
            for match in matches[:5]
        ]
    }


def _plan(query: Query, criteria: Criteria, space: VectorSpace) -> dict[str, Any]:
    explanation: dict[str, Any] = {"kind": ", ".join(criteria.kinds) or "all"}
    count = settings.MATCHING_CANDIDATES
    if query.wish.meaning is not None:
        where = criteria.where()
        hits = nearest(query.wish.meaning, OPPORTUNITIES, where, space, count=count)
        exact = nearest(query.wish.meaning, OPPORTUNITIES, where, space, count=count, plan="exact")
        recall = len(set(hits.ids) & set(exact.ids)) / len(exact.ids) if exact.ids else 1.0
        explanation |= {
            "plan": hits.plan,
            "estimated_rows": hits.estimated_rows,
            "vector_ms": round(hits.seconds * 1000, 1),
        }
        explanation |= {"exact_ms": round(exact.seconds * 1000, 1), "recall": round(recall, 4)}
    started = time.perf_counter()
    text = best_text_hits(rarest(query.words, current_rarity()), criteria, count=count)
    return explanation | {"text_hits": len(text), "text_ms": _since(started)}


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
