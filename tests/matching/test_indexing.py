"""Building vector indexes beside a system at work: who waits, who is refused, what is measured,
what is repaired.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from embeddings import embedder
from jobs.models import Task
from jobs.testing import run_tasks
from matching.actors import refresh_all_matches
from matching.errors import IndexBuildRunning, VectorIndexError
from matching.models import Opportunity, OpportunityVector, VectorSpace
from matching.search.criteria import Criteria
from matching.search.indexes import is_valid, opportunity_index
from matching.search.nearest import OPPORTUNITIES, nearest
from matching.vectors import indexing
from tests.jobs.conftest import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.pooled]
QUERY = np.ones(8, dtype=np.float32) / np.sqrt(8)
T = TypeVar("T")


def make_space(count: int, *, state: str = "active") -> VectorSpace:
    """Opportunities in all directions of eight dimensions."""
    space = VectorSpace.objects.create(label=f"{state}@1", dimensions=8, state=state)
    made = Opportunity.objects.bulk_create(
        Opportunity(kind="event", title=f"number {i}") for i in range(count)
    )
    rows = embedder.unit_rows(np.random.default_rng(7).normal(size=(count, 8)).astype(np.float32))
    OpportunityVector.objects.bulk_create(
        OpportunityVector(opportunity=one, space=space, embedding=row, terms=b"", version=1)
        for one, row in zip(made, rows, strict=True)
    )
    return space


@contextmanager
def stranger() -> Iterator[psycopg.Connection]:
    """A connection of somebody else to the database under test."""
    parameters = connection.get_connection_params()
    told = {
        name: parameters[name]
        for name in ("host", "port", "user", "password", "dbname")
        if parameters.get(name)
    }
    with psycopg.connect(**told) as other:
        yield other


@contextmanager
def in_the_background(work: Callable[[], T]) -> Iterator[Future[T]]:
    """`work` runs in a thread with a connection of its own."""

    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(run)


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query ~ 'DROP INDEX|ALTER INDEX')"
        )
        return bool(cursor.fetchone()[0])


def test_a_reader_that_stays_never_lets_a_build_stop_the_searches(settings: Settings) -> None:
    space = make_space(200)
    indexing.build(space)
    with stranger() as reader, in_the_background(lambda: indexing.build(space)) as building:
        try:
            reader.execute(
                "SELECT count(*) FROM matching_opportunityvector"
            )  # and its transaction stays open
            wait_until(
                lambda: building.done() or somebody_waits_for_a_lock(),
                "the build to come to its locks",
            )
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '1s'")
                assert is_valid(opportunity_index(space))
                assert (
                    len(
                        nearest(
                            QUERY, OPPORTUNITIES, Criteria().where(), space, count=20, plan="index"
                        ).ids
                    )
                    == 20
                )
        finally:
            reader.rollback()
        assert building.result(timeout=30)[0].recall == pytest.approx(1.0, abs=0.05)
    assert is_valid(opportunity_index(space))


def test_of_two_builds_at_once_the_second_is_refused_and_told_why() -> None:
    space = make_space(50)
    go_on, is_building = threading.Event(), threading.Event()

    def hold(_share: float, _stage: str) -> None:
        is_building.set()
        assert go_on.wait(30)

    def hold_the_lock() -> None:
        with indexing._alone():
            hold(0, "")

    with in_the_background(hold_the_lock) as building:
        assert is_building.wait(30)
        try:
            with pytest.raises(IndexBuildRunning, match="is running"):
                indexing.build(space)
            with pytest.raises(IndexBuildRunning):
                indexing.forget(space)
            with pytest.raises(
                CommandError, match="Another build of the vector indexes is running"
            ):
                call_command("create_vector_indices")
        finally:
            go_on.set()
        building.result(timeout=30)
    assert indexing.build(space)


def test_four_builds_at_once_end_without_a_deadlock() -> None:
    space = make_space(100)

    def build(_number: int) -> str:
        try:
            return indexing.build(VectorSpace.objects.get(pk=space.pk))[0].name
        except IndexBuildRunning:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(build, range(4)))
    assert set(outcomes) <= {"refused", opportunity_index(space)}
    assert opportunity_index(space) in outcomes
    assert is_valid(opportunity_index(space))


def test_the_night_round_leaves_a_retired_space_alone_while_indexes_are_built() -> None:
    retired = make_space(3, state="retired")
    VectorSpace.objects.update(retired_at="2020-01-01T00:00Z")
    go_on, is_building = threading.Event(), threading.Event()

    def hold_the_lock() -> None:
        with indexing._alone():
            is_building.set()
            assert go_on.wait(30)

    for expected in (3, 0):
        with in_the_background(hold_the_lock if expected else lambda: None):
            assert not expected or is_building.wait(30)
            with transaction.atomic():
                refresh_all_matches.send()
            run_tasks()
            assert OpportunityVector.objects.filter(space=retired).count() == expected
            go_on.set()


def test_recall_is_that_of_the_new_index_although_the_old_one_is_there(settings: Settings) -> None:
    space = make_space(400)
    assert (indexing.build(space)[0].recall or 0) > 0.95
    settings.VECTOR_INDEX_TYPE = "ivfflat"
    settings.VECTOR_IVF_LISTS, settings.VECTOR_IVF_PROBES = 100, 1
    settings.VECTOR_MAX_SCAN_ROWS, settings.VECTOR_RECALL_MIN = 1, 0.999
    with pytest.raises(VectorIndexError, match=r"would find 0\.\d+ .* the old one stays"):
        indexing.build(space)
    assert "hnsw" in definition_of(opportunity_index(space))


def definition_of(index: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [index])
        row = cursor.fetchone()
    return row[0] if row else ""


def test_what_a_killed_build_left_is_cleared_away() -> None:
    space = make_space(50)
    indexing.build(space)
    name = opportunity_index(space)
    with connection.cursor() as cursor:
        for left_over in (f"{name}_new", f"{name}_old"):
            cursor.execute(f"CREATE INDEX {left_over} ON matching_opportunityvector (id)")
    indexing.build(space)
    assert not definition_of(f"{name}_new")
    assert not definition_of(f"{name}_old")


def test_supporting_indexes_that_are_missing_or_invalid_are_built_anew(settings: Settings) -> None:
    space = make_space(5)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'matching_opportunity'"
        )
        before = dict(cursor.fetchall())
        cursor.execute("DROP INDEX matching_opp_search")
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
            "'matching_opp_active_place'::regclass"
        )
    settings.VECTOR_INDEX_TYPE = "none"
    call_command("create_vector_indices")
    indexing.build(space)
    for name in ("matching_opp_search", "matching_opp_active_place"):
        assert is_valid(name)
        assert definition_of(name) == before[name]


def test_a_background_build_is_sent_once_however_often_it_is_asked_for() -> None:
    make_space(5)
    for _ in range(3):
        call_command("create_vector_indices", background=True)
    assert Task.objects.filter(actor="build_vector_indices").count() == 1
