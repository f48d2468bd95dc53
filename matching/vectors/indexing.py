"""The approximate indexes of a vector space: built beside the old ones, checked against exact
search, then swapped in.

Nothing here takes a lock that a search or a write would wait for. An index that finds too little is
dropped and the old one stays. One build runs at a time: two would wait for each other's snapshots
until PostgreSQL ends one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import psycopg
import structlog
from django.conf import settings
from django.db import OperationalError, connection, connections, transaction
from django.db.models import F
from numpy.typing import NDArray
from pgvector import Vector

from jobs.errors import SessionUnavailable
from jobs.ledger.database import fetch, own_session
from matching.errors import IndexBuildRunning, VectorIndexError
from matching.models import OpportunityVector, VectorSpace
from matching.search.indexes import citizen_index, opportunity_index
from matching.search.tuning import tuned_for_index
from matching.vectors import plain_indexes

log = structlog.get_logger(__name__)

PGVECTOR_MINIMUM = (0, 8, 4)
ROWS_WORTH_AN_INDEX = 10_000
SAMPLE_QUERIES = 30
SAMPLE_DEPTH = 100
#: How often, how patiently and how long apart the swap asks for its locks.
SWAP_ATTEMPTS, SWAP_LOCK_SECONDS, SWAP_PAUSE_SECONDS = 20, 2, 1
_LOCK_KEY = "hashtextextended('vector indexes', 4)"
#: Is told which share is done, 0 to 1, and of what.
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


def build(
    space: VectorSpace, *, on_progress: Progress = lambda _share, _stage: None
) -> list[Built]:
    """The indexes of opportunities and profiles are as the settings VECTOR_* say, those for place
    and text valid.

    Raises IndexBuildRunning where another build is under way, and VectorIndexError where pgvector
    is missing or too old, or an index found less than VECTOR_RECALL_MIN of what exact search does;
    the old index is then still in use. Must run outside a transaction.
    """
    check_extension()
    with _alone():
        repaired = plain_indexes.repair(lambda: on_progress(0.0, "supporting indexes"))
        if settings.VECTOR_INDEX_TYPE == "none":
            _forget(space)
            return []
        space.refresh_from_db(fields=["generation"])
        opportunities, profiles = _plans(space)
        built = [
            _build_one(opportunities, lambda share: on_progress(0.8 * share, "opportunities")),
            _build_one(profiles, lambda share: on_progress(0.8 + 0.2 * share, "profiles")),
        ]
        _analyze()
    log.info("matching.indexes_built", built=[one.name for one in built], repaired=repaired)
    return built


def forget(space: VectorSpace) -> None:
    """The space has no index any more. Must run outside a transaction. Raises IndexBuildRunning."""
    with _alone():
        _forget(space)


def _forget(space: VectorSpace) -> None:
    for plan in _plans(space):
        for name in (plan.name, plan.new_name, plan.old_name):
            _drop(name)


@contextmanager
def _alone() -> Iterator[None]:
    """Let no other build run in this database inside the block.

    The lock is a session's of its own, so it ends with a process that dies.

    Raises:
        IndexBuildRunning: another build runs.
        VectorIndexError: a pooler stands in the way of a session.
    """
    try:
        with own_session():
            [(is_mine,)] = fetch(f"SELECT pg_try_advisory_lock({_LOCK_KEY})", ())
            if not is_mine:
                raise IndexBuildRunning
            yield
    except SessionUnavailable as error:
        raise VectorIndexError(str(error)) from error


def check_extension() -> None:
    """Raises VectorIndexError unless pgvector is there and new enough."""
    version = pgvector_version()
    if version < PGVECTOR_MINIMUM:
        found = ".".join(map(str, version)) or "none"
        raise VectorIndexError(
            f"pgvector {'.'.join(map(str, PGVECTOR_MINIMUM))} or newer is needed; found {found}."
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """One index of a space.

    Where match runs rank by it, its recall is checked and its swap ends cached rankings.
    """

    table: str
    name: str
    space: VectorSpace
    is_of_runs: bool

    @property
    def new_name(self) -> str:
        return f"{self.name}_new"

    @property
    def old_name(self) -> str:
        return f"{self.name}_old"

    @property
    def is_of_this_build(self) -> str:
        """True of every row, and implies the predicate of no earlier build: `id > -7` does not
        follow from `id > -8`.

        A search that says so is answered by the index of this build alone; `IS_OF_ANY_BUILD`
        by any.
        """
        return f"id > {-self.space.generation}"

    def create_sql(self, rows: int) -> str:
        """Partial by space, on half precision: half the memory at equal recall."""
        if settings.VECTOR_INDEX_TYPE == "hnsw":
            options = f"m = {settings.VECTOR_HNSW_M}, ef_construction = {settings.VECTOR_HNSW_EF_CONSTRUCTION}"
        else:
            options = f"lists = {settings.VECTOR_IVF_LISTS or max(rows // 1000, 1)}"
        return (
            f"CREATE INDEX CONCURRENTLY {self.new_name} ON {self.table} USING {settings.VECTOR_INDEX_TYPE}"
            f" ((embedding::halfvec({self.space.dimensions})) halfvec_cosine_ops) WITH ({options})"
            f" WHERE space_id = {int(self.space.pk)} AND {self.is_of_this_build}"
        )


def _plans(space: VectorSpace) -> tuple[_Plan, _Plan]:
    """Those of opportunities and of profiles."""
    return (
        _Plan("matching_opportunityvector", opportunity_index(space), space, is_of_runs=True),
        _Plan("matching_profilevector", citizen_index(space), space, is_of_runs=False),
    )


def _build_one(plan: _Plan, on_progress: Callable[[float], object]) -> Built:
    rows = _count(plan)
    started = time.monotonic()
    for left_over in (plan.new_name, plan.old_name):
        _drop(left_over)
    with _Watcher(plan.new_name, on_progress), connection.cursor() as cursor:
        cursor.execute(f"SET maintenance_work_mem = '{_memory_mb(rows, plan.space.dimensions)}MB'")
        try:
            cursor.execute(plan.create_sql(rows))
        finally:
            cursor.execute("RESET maintenance_work_mem")
    recall = _recall_of_new(plan) if plan.is_of_runs else None
    if recall is not None and recall < settings.VECTOR_RECALL_MIN:
        _drop(plan.new_name)
        raise VectorIndexError(
            f"{plan.name} would find {recall:.3f} of what exact search does; the old one stays."
        )
    _swap(plan)
    _drop(plan.old_name)
    return Built(plan.name, rows, time.monotonic() - started, recall)


def _memory_mb(rows: int, dimensions: int) -> int:
    """What the graph needs while it is built; one that does not fit is finished on disk, many times
    slower.
    """
    bytes_a_row = (
        2 * dimensions + 32 * settings.VECTOR_HNSW_M + 256
    )  # the halfvec, its neighbours, its element
    return min(max(64, rows * bytes_a_row * 11 // 10 // 2**20), settings.VECTOR_BUILD_MEMORY_MB)


def _count(plan: _Plan) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {plan.table} WHERE space_id = %s", [plan.space.pk])  # noqa: S608
        return int(cursor.fetchone()[0])


def _drop(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _swap(plan: _Plan) -> None:
    """The new index has the old one's name.

    Renaming waits for vacuum and other builds only; those are not kept waiting in turn. Raises
    VectorIndexError where the locks are not to be had.
    """
    for attempt in range(SWAP_ATTEMPTS):
        try:
            _rename(plan)
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            log.warning("matching.index_swap_waits", index=plan.name, attempt=attempt)
            time.sleep(SWAP_PAUSE_SECONDS)
        else:
            return
    raise VectorIndexError(
        f"{plan.name} could not be swapped in: its lock is held by others. The old one stays."
    )


def _rename(plan: _Plan) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{SWAP_LOCK_SECONDS}s'")
        cursor.execute(f"ALTER INDEX IF EXISTS {plan.name} RENAME TO {plan.old_name}")
        cursor.execute(f"ALTER INDEX {plan.new_name} RENAME TO {plan.name}")
        if plan.is_of_runs:
            VectorSpace.objects.filter(pk=plan.space.pk).update(generation=F("generation") + 1)


def _analyze() -> None:
    with connection.cursor() as cursor:
        for table in ("opportunity", "opportunityvector", "profile", "profilevector"):
            cursor.execute(f"ANALYZE matching_{table}")


def _recall_of_new(plan: _Plan) -> float | None:
    """The share of the exact nearest that the new index finds, on queries sampled from the vectors
    themselves.
    """
    rows = OpportunityVector.objects.filter(space=plan.space, embedding__isnull=False).order_by("?")
    sample = [
        np.asarray(vector, dtype=np.float32)
        for vector in rows.values_list("embedding", flat=True)[:SAMPLE_QUERIES]
    ]
    if not sample:
        return None
    with transaction.atomic():
        tuned_for_index(SAMPLE_DEPTH)
        found = [_nearest(vector, plan, f"halfvec({plan.space.dimensions})") for vector in sample]
    exact = [_nearest(vector, plan, "vector") for vector in sample]
    return float(np.mean([len(a & b) / max(len(b), 1) for a, b in zip(found, exact, strict=True)]))


def _nearest(vector: NDArray[np.float32], plan: _Plan, kind: str) -> set[int]:
    sql = f"""
        SELECT id FROM {plan.table}
        WHERE space_id = {int(plan.space.pk)} AND embedding IS NOT NULL AND {plan.is_of_this_build}
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
