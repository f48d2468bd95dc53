"""Carrying match runs out: their criteria, their rankings, and the cache of rankings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max
from django.db.models.functions import Now
from django.utils import timezone

import jobs
from jobs.ledger import database
from matching import metrics
from matching.models import CachedRanking, Interaction, MatchRun, Profile, VectorSpace
from matching.ranking.pipeline import criteria_of, find
from matching.ranking.saving import SAVED_MATCHES, MatchList, as_match, save_matches
from matching.ranking.wishes import Query, query_for
from matching.search import generation
from matching.search.criteria import Criteria
from matching.search.lookups import still_pass
from matching.search.tuning import limit_statements
from matching.vectors.spaces import active_space


def carry_out(run_id: str) -> None:
    """Find and store a run's matches; with `is_saved`, save them as the citizen's matches too."""
    task = jobs.current_task()
    run = MatchRun.objects.select_related("user").filter(pk=run_id).first()
    if run is None:
        return
    with metrics.task_duration.labels(task="run").time():
        task.progress(0.1, "searching")
        profile = Profile.objects.filter(user=run.user_id).first()
        matches = matches_for(profile, run.keywords, criteria_for(profile, run), limit=run.limit)
        matches = [match for match in matches if match["score"] >= run.filters.get("min_score", 0)]
        task.progress(0.8, "saving", matches=len(matches))
        with task.effects():
            MatchRun.objects.filter(pk=run.pk).update(matches=matches, updated_at=Now())
            if run.is_saved:
                save_matches(run.user_id, matches)
    metrics.match_count.labels(task="run").observe(len(matches))


def refresh(user_id: str) -> None:
    """Find a citizen's matches anew and save them."""
    task = jobs.current_task()
    profile = Profile.objects.filter(user_id=user_id, user__is_active=True).first()
    if profile is None:
        return
    with metrics.task_duration.labels(task="refresh").time():
        criteria = criteria_of(profile, day=timezone.localdate())
        matches = matches_for(profile, "", criteria, limit=SAVED_MATCHES)
        with task.effects():
            save_matches(profile.user_id, matches)
    metrics.match_count.labels(task="refresh").observe(len(matches))


#: Name of a filter in a run → name of the criterion, and the function that reads it from JSON.
_FILTERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "kinds": ("kinds", tuple),
    "languages": ("languages", tuple),
    "category": ("category", str),
    "is_remote": ("is_remote", bool),
    "starts_after": ("starts_after", date.fromisoformat),
    "starts_before": ("starts_before", date.fromisoformat),
    "location": ("place", lambda place: (place["latitude"], place["longitude"])),
    "radius_km": ("radius_km", float),
}


def criteria_for(profile: Profile | None, run: MatchRun) -> Criteria:
    """Return the criteria of the run's filters, and of the profile where no filter is set."""
    today = timezone.localdate()
    own = criteria_of(profile, day=today) if profile else Criteria(day=today)
    filters = {name: value for name, value in run.filters.items() if value not in (None, "", [])}
    chosen = {
        criterion: read(filters[name])
        for name, (criterion, read) in _FILTERS.items()
        if name in filters
    }
    return replace(own, not_for=run.user_id, **chosen)


def matches_for(
    profile: Profile | None, keywords: str, criteria: Criteria, *, limit: int
) -> MatchList:
    """Return the matches that are still open, from the cache if it has the ranking.

    Must run outside a transaction, since the embedder may be on another machine.
    """
    space = active_space()
    key = _cache_key(profile, keywords, criteria, space, limit)
    ranking = _cached(key)
    metrics.cache_lookups.labels(outcome=metrics.MISS if ranking is None else metrics.HIT).inc()
    if ranking is None:
        return _compute_once(
            key, query_for(profile, keywords, space).at(criteria.place), criteria, space, limit
        )
    return _still_open(ranking, criteria)


def _compute_once(
    key: str, query: Query, criteria: Criteria, space: VectorSpace | None, limit: int
) -> MatchList:
    """Compute the ranking, cache it and return it.

    Of several tasks that need the same ranking one computes it; the others wait for its lock and
    read the result.
    """
    with transaction.atomic():
        database.lock(f"ranking {key}")
        ranking = _cached(key)
        if ranking is not None:
            return _still_open(ranking, criteria)
        limit_statements()
        matches = [as_match(ranked) for ranked in find(query, criteria, space, count=limit)]
        _store(key, matches)
    return matches


def _cached(key: str) -> MatchList | None:
    cached = CachedRanking.objects.filter(key=key, expires_at__gt=Now()).first()
    return None if cached is None else cached.ranking


def _cache_key(
    profile: Profile | None,
    keywords: str,
    criteria: Criteria,
    space: VectorSpace | None,
    limit: int,
) -> str:
    """Return a hash of everything that a ranking depends on.

    Whether its opportunities are still open is checked at each use instead.
    """
    interactions = Interaction.objects.filter(user=criteria.not_for).aggregate(
        newest=Max("id"), count=Count("id")
    )
    facts = [
        *(str(profile.pk) if profile else "", profile.version if profile else 0, keywords, limit),
        *(space.label if space else "", space.generation if space else 0, generation.current()),
        *(interactions, asdict(criteria), settings.MATCHING_WEIGHTS),
    ]
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()


def _still_open(matches: MatchList, criteria: Criteria) -> MatchList:
    passing = still_pass([UUID(match["opportunity_id"]) for match in matches], criteria)
    return [match for match in matches if UUID(match["opportunity_id"]) in passing]


def _store(key: str, matches: MatchList) -> None:
    expires_at = database.now() + timedelta(seconds=settings.MATCHING_CACHE_SECONDS)
    CachedRanking.objects.bulk_create(
        [CachedRanking(key=key, ranking=matches, expires_at=expires_at)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["ranking", "expires_at"],
    )
