"""Carrying match runs out, and keeping citizens' saved matches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max
from django.utils import timezone
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

import jobs
from matching import generation, metrics, search
from matching.matchmaking import Query, criteria_of, find, query_for
from matching.models import CachedRanking, Interaction, Match, MatchRun, Profile, VectorSpace
from matching.ranking import Ranked
from matching.search import Criteria
from matching.spaces import active_space

SAVED_MATCHES = 100
#: A run's matches as they are kept: `{opportunity_id, score, reasons}`.
Found = list[dict[str, Any]]


def carry_out(run_id: str) -> None:
    """Find and store a run's matches; with `is_saved` they become the citizen's saved matches."""
    task = jobs.current_task()
    run = MatchRun.objects.select_related("user").filter(pk=run_id).first()
    if run is None:
        return
    with metrics.task_duration.labels(task="run").time():
        task.progress(0.1, "searching")
        profile = Profile.objects.filter(user=run.user_id).first()
        found = matches_for(profile, run.keywords, criteria_for(profile, run), limit=run.limit)
        task.progress(0.8, "saving", matches=len(found))
        with task.effects():
            MatchRun.objects.filter(pk=run.pk).update(matches=found, updated_at=timezone.now())
            if run.is_saved:
                save_matches(run.user_id, found)
    metrics.match_count.labels(task="run").observe(len(found))


def refresh(user_id: str) -> None:
    """The citizen's saved matches are what would be found now."""
    task = jobs.current_task()
    profile = Profile.objects.filter(user_id=user_id, user__is_active=True).first()
    if profile is None:
        return
    with metrics.task_duration.labels(task="refresh").time():
        criteria = criteria_of(profile, day=timezone.localdate())
        found = matches_for(profile, "", criteria, limit=SAVED_MATCHES)
        with task.effects():
            save_matches(profile.user_id, found)
    metrics.match_count.labels(task="refresh").observe(len(found))


#: Each filter of a run as it is stored: which criterion it is, and how that is read from JSON.
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
    """What the run's filters demand, and what the profile demands where they say nothing."""
    today = timezone.localdate()
    own = criteria_of(profile, day=today) if profile else Criteria(day=today)
    told = {name: value for name, value in run.filters.items() if value not in (None, "", [])}
    chosen = {criterion: read(told[name]) for name, (criterion, read) in _FILTERS.items() if name in told}
    return replace(own, not_for=run.user_id, **chosen)


def matches_for(profile: Profile | None, keywords: str, criteria: Criteria, *, limit: int) -> Found:
    """The matches, from the cache where it has them; what closed meanwhile is never among them.

    Must run outside a transaction: an embedder may be somebody else's machine.
    """
    space = active_space()
    key = _cache_key(profile, keywords, criteria, space, limit)
    ranking = _cached(key)
    metrics.cache_lookups.labels(outcome=metrics.MISS if ranking is None else metrics.HIT).inc()
    if ranking is None:
        return _compute_once(key, query_for(profile, keywords, space).at(criteria.place), criteria, space, limit)
    return _still_open(ranking, criteria)


def _compute_once(key: str, query: Query, criteria: Criteria, space: VectorSpace | None, limit: int) -> Found:
    """The ranking, stored. Of many who ask at once one computes: the others wait for its lock and read what it did."""
    with transaction.atomic():
        _lock(key)
        ranking = _cached(key)
        if ranking is not None:
            return _still_open(ranking, criteria)
        search.limit_statements()
        found = [as_match(one) for one in find(query, criteria, space, count=limit)]
        _store(key, found)
    return found


def _cached(key: str) -> Found | None:
    cached = CachedRanking.objects.filter(key=key, expires_at__gt=timezone.now()).first()
    return None if cached is None else cached.ranking


def as_match(one: Ranked) -> dict[str, Any]:
    """A ranked candidate as a match is kept."""
    return {"opportunity_id": str(one.id), "score": one.score, "reasons": one.reasons}


def _cache_key(
    profile: Profile | None, keywords: str, criteria: Criteria, space: VectorSpace | None, limit: int
) -> str:
    """All that a ranking depends on; whether its opportunities are still open is looked at again on a hit."""
    acted = Interaction.objects.filter(user=criteria.not_for).aggregate(newest=Max("id"), count=Count("id"))
    told = [
        *(str(profile.pk) if profile else "", profile.version if profile else 0, keywords, limit),
        *(space.label if space else "", space.generation if space else 0, generation.current()),
        *(acted, asdict(criteria), settings.MATCHING_WEIGHTS),
    ]
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def _lock(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"ranking {key}"])


def _still_open(found: Found, criteria: Criteria) -> Found:
    passing = search.still_pass([UUID(one["opportunity_id"]) for one in found], criteria)
    return [one for one in found if UUID(one["opportunity_id"]) in passing]


def _store(key: str, found: Found) -> None:
    expires_at = timezone.now() + timedelta(seconds=settings.MATCHING_CACHE_SECONDS)
    CachedRanking.objects.bulk_create(
        [CachedRanking(key=key, ranking=found, expires_at=expires_at)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["ranking", "expires_at"],
    )


def save_matches(user_id: UUID, found: Found) -> None:
    """The citizen's saved matches are `found`, each once, in one statement; others go. In the caller's transaction.

    An opportunity that was deleted meanwhile is left out; for a citizen who was, nothing is saved. A match keeps the
    time it was first found at.
    """
    ids = [UUID(one["opportunity_id"]) for one in found]
    lock_matches(user_id)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM matching_match WHERE user_id = %s AND NOT opportunity_id = ANY(%s)", [user_id, ids])
    upsert_matches([(user_id, one) for one in found])


def lock_matches(user_id: UUID) -> None:
    """Nobody else writes the citizen's saved matches until this transaction ends; what they wrote before shows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"matches of {user_id}"])


def upsert_matches(found: Sequence[tuple[UUID, dict[str, Any]]], *, is_update: bool = True) -> list[UUID]:
    """Write matches of citizens; the users of those that are new. What they dismissed or applied for is left out.

    Written in one order, that of `matching.reverse`, so that two who write the same ones at once cause no deadlock.
    """
    update = "score = excluded.score, reasons = excluded.reasons, updated_at = statement_timestamp()"
    sql = f"""
        INSERT INTO {Match._meta.db_table} (id, user_id, opportunity_id, score, reasons, created_at, updated_at)
        SELECT new.id, new.user_id, o.id, new.score, new.reasons, statement_timestamp(), statement_timestamp()
        FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::float8[], %s::jsonb[])
             AS new (id, user_id, opportunity_id, score, reasons)
        JOIN matching_opportunity AS o ON o.id = new.opportunity_id
        JOIN accounts_user AS u ON u.id = new.user_id
        WHERE NOT EXISTS (SELECT FROM matching_interaction AS i WHERE i.user_id = new.user_id
                          AND i.opportunity_id = new.opportunity_id AND i.kind IN ('dismiss', 'apply'))
        ORDER BY o.id, u.id
        ON CONFLICT (user_id, opportunity_id) DO {f"UPDATE SET {update}" if is_update else "NOTHING"}
        RETURNING user_id, created_at = updated_at
    """  # noqa: S608, SLF001 - constants; the table's documented name
    columns = [
        [uuid7() for _ in found],
        [user_id for user_id, _ in found],
        [UUID(one["opportunity_id"]) for _, one in found],
        [one["score"] for _, one in found],
        [Jsonb(one["reasons"]) for _, one in found],
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, columns)
        return [user_id for user_id, is_new in cursor.fetchall() if is_new]
