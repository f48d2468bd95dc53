"""The approximate indexes of a vector space: built beside the old ones, checked against exact search, then swapped in.

Building is concurrent: reading and writing go on. An index that finds too little is dropped and the old one stays.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import structlog
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models import F
from numpy.typing import NDArray
from pgvector import Vector

from matching.errors import VectorIndexError
from matching.models import OpportunityVector, VectorSpace
from matching.reverse import profile_index_name
from matching.search import index_name, tuned_for_index

log = structlog.get_logger(__name__)

PGVECTOR_MINIMUM = (0, 8, 4)
ROWS_WORTH_AN_INDEX = 10_000
SAMPLE_QUERIES = 30
SAMPLE_DEPTH = 100
#: How a part of pg_stat_progress_create_index counts into the whole.
Progress = Callable[[float, str], object]


@dataclass(frozen=True, slots=True)
class Built:
    """What came of building one index."""

    name: str
    rows: int
    seconds: float
    recall: float | None  # None where there was nothing to compare, or the index is of profiles


def pgvector_version() -> tuple[int, ...]:
    """The version of the extension in this database; empty where it is missing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
    return tuple(int(part) for part in row[0].split(".")) if row else ()


def build(space: VectorSpace, *, on_progress: Progress = lambda _share, _stage: None) -> list[Built]:
    """The indexes of opportunities and profiles are as the settings VECTOR_* say.

    Raises VectorIndexError where pgvector is missing or too old, or an index found less than VECTOR_RECALL_MIN of
    what exact search does; the old index is then still in use. Must run outside a transaction.
    """
    check_extension()
    if settings.VECTOR_INDEX_TYPE == "none":
        forget(space)
        return []
    opportunities = _Plan("matching_opportunityvector", index_name(space), space)
    profiles = _Plan("matching_profilevector", profile_index_name(space), space)
    built = [
        _build_one(opportunities, lambda share: on_progress(0.8 * share, "opportunities"), is_checked=True),
        _build_one(profiles, lambda share: on_progress(0.8 + 0.2 * share, "profiles"), is_checked=False),
    ]
    _analyze()
    VectorSpace.objects.filter(pk=space.pk).update(generation=F("generation") + 1)
    return built


def forget(space: VectorSpace) -> None:
    """The space has no index any more. Must run outside a transaction."""
    _drop(index_name(space))
    _drop(profile_index_name(space))


def check_extension() -> None:
    """Raises VectorIndexError unless pgvector is there and new enough."""
    version = pgvector_version()
    if version < PGVECTOR_MINIMUM:
        found = ".".join(map(str, version)) or "none"
        raise VectorIndexError(f"pgvector {'.'.join(map(str, PGVECTOR_MINIMUM))} or newer is needed; found {found}.")


@dataclass(frozen=True, slots=True)
class _Plan:
    table: str
    name: str
    space: VectorSpace

    @property
    def new_name(self) -> str:
        return f"{self.name}_new"

    def create_sql(self, rows: int) -> str:
        """Partial by space, on half precision: half the memory at equal recall."""
        if settings.VECTOR_INDEX_TYPE == "hnsw":
            options = f"m = {settings.VECTOR_HNSW_M}, ef_construction = {settings.VECTOR_HNSW_EF_CONSTRUCTION}"
        else:
            options = f"lists = {settings.VECTOR_IVF_LISTS or max(rows // 1000, 1)}"
        return (
            f"CREATE INDEX CONCURRENTLY {self.new_name} ON {self.table} USING {settings.VECTOR_INDEX_TYPE}"
            f" ((embedding::halfvec({self.space.dimensions})) halfvec_cosine_ops) WITH ({options})"
            f" WHERE space_id = {int(self.space.pk)}"
        )


def _build_one(plan: _Plan, on_progress: Callable[[float], object], *, is_checked: bool) -> Built:
    rows = _count(plan)
    started = time.monotonic()
    _drop(plan.new_name)
    with _Watcher(plan.new_name, on_progress), connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(f"SET maintenance_work_mem = '{_memory_mb(rows, plan.space.dimensions)}MB'")
        try:
            cursor.execute(plan.create_sql(rows))
        finally:
            cursor.execute("RESET maintenance_work_mem")
            cursor.execute("RESET statement_timeout")
    recall = _recall_of_new(plan) if is_checked else None
    if recall is not None and recall < settings.VECTOR_RECALL_MIN:
        _drop(plan.new_name)
        raise VectorIndexError(f"{plan.name} would find {recall:.3f} of what exact search does; the old one stays.")
    _swap(plan)
    return Built(plan.name, rows, time.monotonic() - started, recall)


def _memory_mb(rows: int, dimensions: int) -> int:
    """What the graph needs while it is built; one that does not fit is finished on disk, many times slower."""
    bytes_a_row = 2 * dimensions + 32 * settings.VECTOR_HNSW_M + 256  # the halfvec, its neighbours, its element
    return min(max(64, rows * bytes_a_row * 11 // 10 // 2**20), settings.VECTOR_BUILD_MEMORY_MB)


def _count(plan: _Plan) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {plan.table} WHERE space_id = %s", [plan.space.pk])  # noqa: S608
        return int(cursor.fetchone()[0])


def _drop(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _swap(plan: _Plan) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {plan.name}")
        cursor.execute(f"ALTER INDEX {plan.new_name} RENAME TO {plan.name}")


def _analyze() -> None:
    with connection.cursor() as cursor:
        for table in ("opportunity", "opportunityvector", "profile", "profilevector"):
            cursor.execute(f"ANALYZE matching_{table}")


def _recall_of_new(plan: _Plan) -> float | None:
    """The share of the exact nearest that the new index finds, on queries sampled from the vectors themselves.

    The old index is out of the planner's sight for that transaction only: it is dropped and that is rolled back.
    """
    rows = OpportunityVector.objects.filter(space=plan.space, embedding__isnull=False).order_by("?")
    sample = [
        np.asarray(vector, dtype=np.float32) for vector in rows.values_list("embedding", flat=True)[:SAMPLE_QUERIES]
    ]
    if not sample:
        return None
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX IF EXISTS {plan.name}")
        tuned_for_index(SAMPLE_DEPTH)
        found = [_nearest(vector, plan, f"halfvec({plan.space.dimensions})") for vector in sample]
        transaction.set_rollback(True)
    exact = [_nearest(vector, plan, "vector") for vector in sample]
    return float(np.mean([len(a & b) / max(len(b), 1) for a, b in zip(found, exact, strict=True)]))


def _nearest(vector: NDArray[np.float32], plan: _Plan, kind: str) -> set[int]:
    sql = f"""
        SELECT id FROM {plan.table} WHERE space_id = {int(plan.space.pk)} AND embedding IS NOT NULL
        ORDER BY embedding::{kind} <=> %s::{kind} LIMIT {SAMPLE_DEPTH}
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [Vector(vector).to_text()])
        return {found for (found,) in cursor.fetchall()}


class _Watcher:
    """Reports the progress of CREATE INDEX from a second connection, until the block ends."""

    def __init__(self, name: str, report: Callable[[float], object]) -> None:
        self._name, self._report = name, report
        self._ended = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name="index-progress", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._error is not None and exc[0] is None:
            raise self._error  # such as that the task was asked to stop

    def _watch(self) -> None:
        try:
            while not self._ended.wait(1):
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT greatest(coalesce(blocks_done::float / nullif(blocks_total, 0), 0),"
                        " coalesce(tuples_done::float / nullif(tuples_total, 0), 0))"
                        " FROM pg_stat_progress_create_index WHERE index_relid = to_regclass(%s)",
                        [self._name],
                    )
                    if row := cursor.fetchone():
                        self._report(min(float(row[0]), 1.0))
        except Exception as error:  # noqa: BLE001 - raised where the index is built
            self._error = error
        finally:
            connections.close_all()
