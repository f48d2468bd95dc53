"""Candidates for a match, found by PostgreSQL: the nearest vectors and the best full text hits that
pass the filters.

The plan follows the filters' selectivity. Few rows pass: they are compared exactly. Many pass: the
approximate index is scanned on until enough of its rows have passed (`iterative_scan`), and if it
gives up, the rows are compared exactly after all. No list of opportunities is ever loaded; a search
hands back ids.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray
from pgvector import Vector

from matching import metrics
from matching.models import VectorSpace
from matching.search.geography import Place, box_around, kilometers_sql

#: The list HNSW keeps while it searches, for each row asked for, at most 1,000. With a shorter one
#: a question that lies far from every cluster may end in the wrong one: among a million, 3 found
#: .87 of the nearest on average, 5 found .98.
EF_SEARCH_PER_ROW = 5
#: So many times the rows asked for are taken from the index, to be put in order by their full
#: vectors.
OVERFETCH = 2
#: True of every stored vector `v`, and implies the predicate of each approximate index (see
#: `matching.vectors.indexing`).
IS_OF_ANY_BUILD = "v.id > 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What an opportunity must fulfil; everything that is empty or None demands nothing."""

    kinds: tuple[str, ...] = ()
    day: date | None = None
    languages: tuple[str, ...] = ()
    place: Place | None = None
    radius_km: float | None = None
    is_remote: bool | None = None
    category: str = ""
    starts_after: date | None = None
    starts_before: date | None = None
    not_for: UUID | None = None
    not_of: tuple[str, ...] = ()
    source: str = ""

    def by_kind(self) -> list[Criteria]:
        """The same for each wanted kind by itself; one for all where every kind will do."""
        return [replace(self, kinds=(kind,)) for kind in self.kinds] or [self]

    def where(self) -> Where:
        """The conditions on `matching_opportunity AS o`. What is closed, full or was dismissed
        never passes.

        With a `day`, what ended before it does not pass either (`Opportunity.last_day`).
        """
        where = Where()
        where.add("o.is_active AND (o.capacity IS NULL OR o.places_taken < o.capacity)")
        for condition, value in self._simple_conditions():
            if value not in ([], None, ""):
                where.add(condition, value)
        if self.place and self.radius_km:
            where.near(self.place, self.radius_km)
        if self.not_for:
            where.add(
                "NOT EXISTS (SELECT FROM matching_interaction AS i WHERE i.user_id = %s AND i.opportunity_id = o.id"
                " AND i.kind IN ('dismiss', 'apply'))",
                self.not_for,
            )
        return where

    def _simple_conditions(self) -> list[tuple[str, object]]:
        return [
            ("o.kind = ANY(%s)", list(self.kinds)),
            ("(o.ends_on IS NULL OR o.ends_on >= %s)", self.day),
            (
                "(o.kind <> 'event' OR o.ends_on IS NOT NULL OR o.starts_on IS NULL OR o.starts_on >= %s)",
                self.day,
            ),
            ("(o.languages = '{}' OR o.languages && %s::varchar[])", list(self.languages)),
            ("o.is_remote = %s", self.is_remote),
            ("upper(o.category) = upper(%s)", self.category),
            ("o.starts_on >= %s", self.starts_after),
            ("o.starts_on <= %s", self.starts_before),
            ("o.source = %s", self.source),
            ("NOT o.organisation = ANY(%s)", list(self.not_of)),
        ]


@dataclass(slots=True)
class Where:
    """Conditions with their parameters."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def add(self, condition: str, *parameters: Any) -> None:
        self.conditions.append(condition)
        self.parameters += parameters

    def near(self, place: Place, radius_km: float) -> None:
        """Within the radius (great circle), or remote; the box is what the index serves."""
        south, west, north, east = box_around(place, radius_km)
        latitude, longitude = place
        inside = (
            "o.longitude BETWEEN %s AND %s"
            if west <= east
            else "(o.longitude >= %s OR o.longitude <= %s)"
        )
        self.add(
            f"(o.is_remote OR o.latitude BETWEEN %s AND %s AND {inside} AND {kilometers_sql('o')} <= %s)",
            *(south, north, west, east, latitude, latitude, longitude, radius_km),
        )

    @property
    def sql(self) -> str:
        return " AND ".join(self.conditions)


@dataclass(frozen=True, slots=True)
class VectorHits:
    """Ids, nearest first, and how they were found: `exact`, `index`, or `index, then exact`."""

    ids: list[UUID]
    plan: str
    estimated_rows: int
    seconds: float


def nearest(
    vector: NDArray[np.float32],
    criteria: Criteria,
    space: VectorSpace,
    *,
    count: int,
    plan: str = "",
) -> VectorHits:
    """The `count` opportunities that pass and mean most nearly what `vector` means; `plan` forces
    one.
    """
    started = time.perf_counter()
    where = criteria.where()
    estimate = estimated_rows(where) if not plan else 0
    chosen = plan or (
        "index" if estimate > settings.VECTOR_EXACT_ROWS and has_index(space) else "exact"
    )
    ids = (_by_index if chosen == "index" else _exactly)(vector, where, space, count)
    if chosen == "index" and len(ids) < count and not plan:
        ids, chosen = _exactly(vector, where, space, count), "index, then exact"
    seconds = time.perf_counter() - started
    metrics.vector_query_duration.labels(plan=chosen).observe(seconds)
    return VectorHits(ids, chosen, estimate, seconds)


def estimated_rows(where: Where, *, table: str = "matching_opportunity AS o") -> int:
    """How many rows pass, as PostgreSQL's planner sees it: a millisecond at any size."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {table}"  # noqa: S608 - conditions of ours
            f" WHERE {where.sql}",
            where.parameters,
        )
        [(plan,)] = cursor.fetchall()
    found = json.loads(plan) if isinstance(plan, str) else plan
    return int(found[0]["Plan"]["Plan Rows"])


def opportunity_rows() -> int:
    """About how many opportunities there are, as of the last ANALYZE; 0 before the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'matching_opportunity'::regclass"
        )
        return int(cursor.fetchone()[0])


def index_name(space: VectorSpace) -> str:
    """The name of a space's approximate index."""
    return f"matching_opp_vector_ann_{space.pk}"


def has_index(space: VectorSpace) -> bool:
    """Whether the space has a valid approximate index."""
    return index_is_valid(index_name(space))


def index_is_valid(name: str) -> bool:
    """Whether there is an index of that name which PostgreSQL may use."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid)",
            [name],
        )
        return bool(cursor.fetchone()[0])


def _exactly(
    vector: NDArray[np.float32], where: Where, space: VectorSpace, count: int
) -> list[UUID]:
    sql = f"""
        WITH suitable AS MATERIALIZED (SELECT o.id FROM matching_opportunity AS o WHERE {where.sql})
        SELECT v.opportunity_id FROM suitable
        JOIN matching_opportunityvector AS v ON v.opportunity_id = suitable.id AND v.space_id = %s
        WHERE v.embedding IS NOT NULL
        ORDER BY v.embedding <=> %s::vector, v.opportunity_id LIMIT %s
    """  # noqa: S608 - the conditions are this module's own
    return _ids(sql, [*where.parameters, space.pk, Vector(vector).to_text(), count])


def _by_index(
    vector: NDArray[np.float32], where: Where, space: VectorSpace, count: int
) -> list[UUID]:
    """Scan the index on until enough rows passed or the scan's bound is reached; the best `count`
    of them, in order.

    The index is of half precision and goes on in a relaxed order, so more are asked for and
    compared in full.
    """
    kind, enough = f"halfvec({space.dimensions})", OVERFETCH * count
    sql = f"""
        WITH found AS MATERIALIZED (
            SELECT v.opportunity_id, v.embedding <=> %s::vector AS distance
            FROM matching_opportunityvector AS v JOIN matching_opportunity AS o ON o.id = v.opportunity_id
            WHERE v.space_id = {int(space.pk)} AND {IS_OF_ANY_BUILD} AND {where.sql}
            ORDER BY v.embedding::{kind} <=> %s::{kind} LIMIT %s
        )
        SELECT opportunity_id FROM found ORDER BY distance, opportunity_id LIMIT %s
    """  # noqa: S608
    text = Vector(vector).to_text()
    with transaction.atomic():
        tuned_for_index(enough)
        found = _ids(sql, [text, *where.parameters, text, enough, count])
        transaction.set_rollback(
            True
        )  # to the savepoint, so that an outer transaction goes on untuned
    return found


def tuned_for_index(count: int) -> None:
    """Until the savepoint is undone: scan on past rows that are filtered out, and take the index in
    any case.
    """
    ef_search = min(1000, max(settings.VECTOR_HNSW_EF_SEARCH, EF_SEARCH_PER_ROW * count))
    values = {
        "hnsw.ef_search": ef_search,
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": settings.VECTOR_MAX_SCAN_ROWS,
        "ivfflat.probes": settings.VECTOR_IVF_PROBES,
        "ivfflat.iterative_scan": "relaxed_order",
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }
    with connection.cursor() as cursor:
        for name, value in values.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, str(value)])


def limit_statements() -> None:
    """Until the transaction ends no statement takes longer than MATCHING_STATEMENT_TIMEOUT_SECONDS."""
    milliseconds = int(settings.MATCHING_STATEMENT_TIMEOUT_SECONDS * 1000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])


def best_text_hits(words: Sequence[str], criteria: Criteria, *, count: int) -> list[UUID]:
    """The opportunities that pass with most of `words` in the best places; at most
    MATCHING_TEXT_ROWS are ranked.
    """
    if not words:
        return []
    where = criteria.where()
    sql = f"""
        WITH query AS (SELECT to_tsquery('english', %s) AS words),
        hits AS MATERIALIZED (
            SELECT o.id, o.search FROM matching_opportunity AS o, query
            WHERE o.search @@ query.words AND {where.sql} LIMIT %s
        )
        SELECT hits.id FROM hits, query ORDER BY ts_rank(hits.search, query.words, 1) DESC, hits.id LIMIT %s
    """  # noqa: S608
    return _ids(sql, [" | ".join(words), *where.parameters, settings.MATCHING_TEXT_ROWS, count])


def newest(criteria: Criteria, *, count: int) -> list[UUID]:
    """The newest opportunities that pass: for a citizen who has not said anything yet."""
    where = criteria.where()
    sql = f"""
        SELECT o.id FROM matching_opportunity AS o WHERE {where.sql} ORDER BY o.created_at DESC, o.id DESC LIMIT %s
    """  # noqa: S608
    return _ids(sql, [*where.parameters, count])


def still_pass(ids: Sequence[UUID], criteria: Criteria) -> set[UUID]:
    """Those of `ids` that pass now."""
    where = criteria.where()
    sql = f"SELECT o.id FROM matching_opportunity AS o WHERE o.id = ANY(%s) AND {where.sql}"  # noqa: S608
    return set(_ids(sql, [list(ids), *where.parameters]))


def _ids(sql: str, parameters: Sequence[Any]) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [found for (found,) in cursor.fetchall()]
