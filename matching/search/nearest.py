"""The nearest vectors among the rows that meet conditions.

Both directions use it: opportunities for a citizen, and citizens for an opportunity. The plan
depends on how many rows meet the conditions. Few rows are compared exactly. For many, the
approximate index is scanned until enough of its rows have passed (`iterative_scan`); if the scan
ends too early, the rows are compared exactly after all. A search returns ids, never whole rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray
from pgvector import Vector

from jobs.ledger.database import fetch
from matching import metrics
from matching.models import VectorSpace
from matching.search.criteria import Where
from matching.search.indexes import IS_OF_ANY_BUILD, citizen_index, is_valid, opportunity_index
from matching.search.tuning import tuned_for_index

#: The index is asked for so many times the rows to find; full vectors then decide their order.
OVERFETCH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is searched: the table of the conditions, its vectors, and the ids that are returned."""

    table: str
    key: str
    join: str
    result: str
    vectors: str
    reference: str
    index: Callable[[VectorSpace], str]


#: Conditions refer to the table as `o`.
OPPORTUNITIES = Target(
    table="matching_opportunity AS o",
    key="o.id",
    join="",
    result="o.id",
    vectors="matching_opportunityvector",
    reference="opportunity_id",
    index=opportunity_index,
)
#: Conditions refer to the table as `p`. Disabled accounts are left out; the ids are those of users.
CITIZENS = Target(
    table="matching_profile AS p",
    key="p.id",
    join="JOIN accounts_user AS u ON u.id = p.user_id AND u.is_active",
    result="p.user_id",
    vectors="matching_profilevector",
    reference="profile_id",
    index=citizen_index,
)


@dataclass(frozen=True, slots=True)
class VectorHits:
    """Ids with their cosine distances, nearest first, and how they were found.

    `plan` is `exact`, `index`, or `index, then exact`.
    """

    distances: list[tuple[UUID, float]]
    plan: str
    estimated_rows: int
    seconds: float

    @property
    def ids(self) -> list[UUID]:
        """Return the ids alone, nearest first."""
        return [one for one, _ in self.distances]


def nearest(
    vector: NDArray[np.float32],
    target: Target,
    where: Where,
    space: VectorSpace,
    *,
    count: int,
    plan: str = "",
) -> VectorHits:
    """Return the `count` rows nearest to `vector` that meet the conditions.

    `plan` is `exact` or `index`; by default it depends on how many rows meet the conditions.
    """
    started = time.perf_counter()
    estimate = estimated_rows(where, target) if not plan else 0
    is_large = estimate > settings.VECTOR_EXACT_ROWS
    chosen = plan or ("index" if is_large and is_valid(target.index(space)) else "exact")
    search = _by_index if chosen == "index" else _exactly
    hits = search(vector, target, where, space, count)
    if chosen == "index" and len(hits) < count and not plan:
        hits, chosen = _exactly(vector, target, where, space, count), "index, then exact"
    seconds = time.perf_counter() - started
    metrics.vector_query_duration.labels(plan=chosen).observe(seconds)
    return VectorHits(hits, chosen, estimate, seconds)


def estimated_rows(where: Where, target: Target = OPPORTUNITIES) -> int:
    """Return about how many rows meet the conditions, by PostgreSQL's planner.

    It takes a millisecond, however large the table is.
    """
    sql = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {target.table} WHERE {where.sql}"  # noqa: S608 - only conditions from this app
    [(answer,)] = fetch(sql, where.parameters)
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return int(plan[0]["Plan"]["Plan Rows"])


def _exactly(
    vector: NDArray[np.float32], target: Target, where: Where, space: VectorSpace, count: int
) -> list[tuple[UUID, float]]:
    """Compare every row that meets the conditions; return the nearest."""
    sql = f"""
        WITH suitable AS MATERIALIZED (
            SELECT {target.key} AS key, {target.result} AS id FROM {target.table} {target.join}
            WHERE {where.sql}
        )
        SELECT suitable.id, v.embedding <=> %s::vector AS distance FROM suitable
        JOIN {target.vectors} AS v ON v.{target.reference} = suitable.key AND v.space_id = %s
        WHERE v.embedding IS NOT NULL ORDER BY distance, suitable.id LIMIT %s
    """  # noqa: S608 - only conditions from this app
    return _hits(sql, [*where.parameters, Vector(vector).to_text(), space.pk, count])


def _by_index(
    vector: NDArray[np.float32], target: Target, where: Where, space: VectorSpace, count: int
) -> list[tuple[UUID, float]]:
    """Scan the index until enough rows passed or its bound is reached; return the nearest in order.

    The index has half precision and continues in a relaxed order, so it is asked for more rows,
    which are then compared in full precision.
    """
    kind, enough = f"halfvec({space.dimensions})", OVERFETCH * count
    sql = f"""
        WITH scanned AS MATERIALIZED (
            SELECT {target.result} AS id, v.embedding <=> %s::vector AS distance
            FROM {target.vectors} AS v
            JOIN {target.table} ON {target.key} = v.{target.reference} {target.join}
            WHERE v.space_id = {int(space.pk)} AND {IS_OF_ANY_BUILD} AND {where.sql}
            ORDER BY v.embedding::{kind} <=> %s::{kind} LIMIT %s
        )
        SELECT id, distance FROM scanned ORDER BY distance, id LIMIT %s
    """  # noqa: S608 - only conditions from this app
    text = Vector(vector).to_text()
    with transaction.atomic():
        tuned_for_index(enough)
        hits = _hits(sql, [text, *where.parameters, text, enough, count])
        # Roll back to the savepoint, so that an outer transaction continues with its own settings.
        transaction.set_rollback(True)
    return hits


def received(binary: bytes) -> NDArray[np.float32]:
    """Return the vector that PostgreSQL's `vector_send` sent: a header, then big-endian floats."""
    return np.frombuffer(binary, ">f4", offset=4).astype(np.float32)


def _hits(sql: str, parameters: Sequence[object]) -> list[tuple[UUID, float]]:
    return [(row_id, float(distance)) for row_id, distance in fetch(sql, parameters)]
