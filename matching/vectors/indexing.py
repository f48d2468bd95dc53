"""Building the approximate indexes of a vector space.

A new index is built beside the old one, checked against exact search and then swapped in. No step
takes a lock that a search or a write would wait for. An index that finds too little is dropped and
the old one stays. One build runs at a time: two would wait for each other's snapshots until
PostgreSQL ends one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.models import F
from numpy.typing import NDArray
from pgvector import Vector

from jobs.errors import SessionUnavailable
from jobs.ledger.database import execute, fetch, own_session
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
#: Attempts of the swap to get its lock, how long each waits, and the pause between them.
SWAP_ATTEMPTS, SWAP_LOCK_SECONDS, SWAP_PAUSE_SECONDS = 20, 2, 1
_LOCK_KEY = "hashtextextended('vector indexes', 4)"
_PROGRESS_SQL = """
    SELECT greatest(coalesce(blocks_done::float / nullif(blocks_total, 0), 0),
                    coalesce(tuples_done::float / nullif(tuples_total, 0), 0))
    FROM pg_stat_progress_create_index WHERE index_relid = to_regclass(%s)
"""
#: A function that is called with the share that is done, 0 to 1, and the stage's name.
Progress = Callable[[float, str], object]


@dataclass(frozen=True, slots=True)
class Built:
    """The result of building one index; `recall` is from 0 to 1."""

    name: str
    rows: int
    seconds: float
    recall: float | None  # None for the index of profiles, and without vectors to compare


def pgvector_version() -> tuple[int, ...]:
    """Return the version of pgvector in this database; () if it is missing."""
    rows = fetch("SELECT extversion FROM pg_extension WHERE extname = 'vector'", ())
    return tuple(int(part) for part in rows[0][0].split(".")) if rows else ()


def build(
    space: VectorSpace, *, on_progress: Progress = lambda _share, _stage: None
) -> list[Built]:
    """Build the indexes of opportunities and profiles by the settings VECTOR_*.

    Ordinary indexes that are missing or invalid are built too. Must run outside a transaction.
    After an error the old indexes are still in use.

    Raises:
        IndexBuildRunning: another build is running.
        VectorIndexError: pgvector is missing or too old, or an index found less than
            VECTOR_RECALL_MIN of what exact search finds.
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
    log.info("matching.indexes_built", built=[index.name for index in built], repaired=repaired)
    return built


def forget(space: VectorSpace) -> None:
    """Drop the indexes of the space. Must run outside a transaction.

    Raises:
        IndexBuildRunning: a build is running.
    """
    with _alone():
        _forget(space)


def _forget(space: VectorSpace) -> None:
    for plan in _plans(space):
        for name in (plan.name, plan.new_name, plan.old_name):
            _drop(name)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other builds in this database from running inside the block.

    The lock belongs to a session of its own, so it ends with a process that dies. It is released
    before that session ends, since PostgreSQL ends sessions some time after they were closed.

    Raises:
        IndexBuildRunning: another build is running.
        VectorIndexError: a pooler stands between this process and PostgreSQL, so it has no session.
    """
    try:
        with own_session():
            [(is_mine,)] = fetch(f"SELECT pg_try_advisory_lock({_LOCK_KEY})", ())
            if not is_mine:
                raise IndexBuildRunning
            try:
                yield
            finally:
                with suppress(DatabaseError):  # a broken session ends with its locks
                    execute(f"SELECT pg_advisory_unlock({_LOCK_KEY})", ())
    except SessionUnavailable as error:
        raise VectorIndexError(str(error)) from error


def check_extension() -> None:
    """Check the version of pgvector.

    Raises:
        VectorIndexError: it is missing or too old.
    """
    version = pgvector_version()
    if version < PGVECTOR_MINIMUM:
        installed = ".".join(map(str, version)) or "none"
        raise VectorIndexError(
            f"pgvector {'.'.join(map(str, PGVECTOR_MINIMUM))} or newer is needed; found "
            f"{installed}."
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """An index to build for a space.

    With `is_of_runs`, match runs rank by it: its recall is checked, and swapping it in makes cached
    rankings invalid.
    """

    table: str
    name: str
    space: VectorSpace
    is_of_runs: bool

    @property
    def new_name(self) -> str:
        """Return the name of the index while it is built."""
        return f"{self.name}_new"

    @property
    def old_name(self) -> str:
        """Return the name of the replaced index until it is dropped."""
        return f"{self.name}_old"

    @property
    def is_of_this_build(self) -> str:
        """Return a condition that is true of every row and that only this build's index can answer.

        `id > -7` is true of every row, and does not follow from `id > -8`, the predicate of an
        earlier build. `IS_OF_ANY_BUILD` is the condition that every build's index can answer.
        """
        return f"id > {-self.space.generation}"

    def create_sql(self, rows: int) -> str:
        """Return the statement that builds the index, of this space's rows alone.

        Half precision needs half the memory at equal recall.
        """
        if settings.VECTOR_INDEX_TYPE == "hnsw":
            links, candidates = settings.VECTOR_HNSW_M, settings.VECTOR_HNSW_EF_CONSTRUCTION
            options = f"m = {links}, ef_construction = {candidates}"
        else:
            options = f"lists = {settings.VECTOR_IVF_LISTS or max(rows // 1000, 1)}"
        return (
            f"CREATE INDEX CONCURRENTLY {self.new_name} ON {self.table} USING "
            f"{settings.VECTOR_INDEX_TYPE}"
            f" ((embedding::halfvec({self.space.dimensions})) halfvec_cosine_ops) WITH ({options})"
            f" WHERE space_id = {int(self.space.pk)} AND {self.is_of_this_build}"
        )


def _plans(space: VectorSpace) -> tuple[_Plan, _Plan]:
    """Return the index of opportunities and that of profiles."""
    return (
        _Plan("matching_opportunityvector", opportunity_index(space), space, is_of_runs=True),
        _Plan("matching_profilevector", citizen_index(space), space, is_of_runs=False),
    )


def _build_one(plan: _Plan, on_progress: Callable[[float], object]) -> Built:
    rows = _count(plan)
    started = time.monotonic()
    for left_over in (plan.new_name, plan.old_name):
        _drop(left_over)
    with _Watcher(plan.new_name, on_progress):
        execute(f"SET maintenance_work_mem = '{_memory_mb(rows, plan.space.dimensions)}MB'", ())
        try:
            execute(plan.create_sql(rows), ())
        finally:
            execute("RESET maintenance_work_mem", ())
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
    """Return the memory to build the index of `rows` in, at most VECTOR_BUILD_MEMORY_MB.

    A graph that does not fit is finished on disk, many times slower.
    """
    bytes_a_row = (
        2 * dimensions + 32 * settings.VECTOR_HNSW_M + 256
    )  # of the vector, its neighbours and its row
    return min(max(64, rows * bytes_a_row * 11 // 10 // 2**20), settings.VECTOR_BUILD_MEMORY_MB)


def _count(plan: _Plan) -> int:
    sql = f"SELECT count(*) FROM {plan.table} WHERE space_id = %s"  # noqa: S608
    [(count,)] = fetch(sql, (plan.space.pk,))
    return int(count)


def _drop(name: str) -> None:
    execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", ())


def _swap(plan: _Plan) -> None:
    """Rename the old index away, and the new one to its name.

    Only vacuum and other builds hold a lock that renaming waits for. Each attempt waits briefly, so
    that nothing queues behind it.

    Raises:
        VectorIndexError: the lock was not free at any of the attempts.
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
    with transaction.atomic():
        execute(f"SET LOCAL lock_timeout = '{SWAP_LOCK_SECONDS}s'", ())
        execute(f"ALTER INDEX IF EXISTS {plan.name} RENAME TO {plan.old_name}", ())
        execute(f"ALTER INDEX {plan.new_name} RENAME TO {plan.name}", ())
        if plan.is_of_runs:
            VectorSpace.objects.filter(pk=plan.space.pk).update(generation=F("generation") + 1)


def _analyze() -> None:
    for table in ("opportunity", "opportunityvector", "profile", "profilevector"):
        execute(f"ANALYZE matching_{table}", ())


def _recall_of_new(plan: _Plan) -> float | None:
    """Return the share of the exact nearest rows that the new index finds, from 0 to 1.

    The queries are a sample of the stored vectors; None if there are none.
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
        by_index = [
            _nearest(vector, plan, f"halfvec({plan.space.dimensions})") for vector in sample
        ]
    exact = [_nearest(vector, plan, "vector") for vector in sample]
    return float(
        np.mean([len(a & b) / max(len(b), 1) for a, b in zip(by_index, exact, strict=True)])
    )


def _nearest(vector: NDArray[np.float32], plan: _Plan, kind: str) -> set[int]:
    sql = f"""
        SELECT id FROM {plan.table}
        WHERE space_id = {int(plan.space.pk)} AND embedding IS NOT NULL AND {plan.is_of_this_build}
        ORDER BY embedding::{kind} <=> %s::{kind} LIMIT {SAMPLE_DEPTH}
    """  # noqa: S608
    return {row_id for (row_id,) in fetch(sql, (Vector(vector).to_text(),))}


class _Watcher:
    """Reports the progress of CREATE INDEX from a second connection, until the block ends.

    An error of `report`, such as that the task was cancelled, is raised at the end of the block.
    """

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
            raise self._error

    def _watch(self) -> None:
        try:
            while not self._ended.wait(1):
                for (share,) in fetch(_PROGRESS_SQL, (self._name,)):
                    self._report(min(float(share), 1.0))
        except Exception as error:  # noqa: BLE001 - raised where the index is built
            self._error = error
        finally:
            connections.close_all()
