"""Behind a PgBouncer in transaction mode, where any session may serve anybody's next
transaction.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from pytest_django.fixtures import Settings

from accounts import audit, audit_chain
from accounts.models import User
from config.development.pgbouncer import PgBouncer
from jobs.ledger.database import fetch, unlimited_transactions
from tests.matching.test_indexing import make_space

pytestmark = pytest.mark.django_db(transaction=True)
POOL_SESSIONS = 3
CLIENTS = 6
LIMIT = "10s"


@pytest.fixture(autouse=True)
def pooler(transactional_db: None, settings: Settings, tmp_path: Path) -> Iterator[PgBouncer]:
    """Let every connection of this process lead through a PgBouncer of few sessions, for one
    test.
    """
    database: dict[str, Any] = connections.settings["default"]
    plain = dict(database)
    bouncer = PgBouncer(
        tmp_path / "pgbouncer",
        host=connection.get_connection_params()["host"],
        port=int(database["PORT"] or 5432),
        users={database["USER"]: database["PASSWORD"]},
        pool_size=POOL_SESSIONS,
        connect_query=f"SET transaction_timeout = '{LIMIT}'",
    )
    bouncer.start()
    settings.DATABASE_DIRECT = {name: plain[name] for name in ("HOST", "PORT", "OPTIONS")}
    connection.close()
    options = {name: value for name, value in plain["OPTIONS"].items() if name != "host"}
    database |= {"HOST": "127.0.0.1", "PORT": str(bouncer.port), "OPTIONS": options}
    yield bouncer
    connection.close()
    database |= plain
    bouncer.stop()


def by_clients(work: Callable[[], object], *, times: int = 10) -> None:
    """Do `work` from many connections at once, so that the sessions of the pool change hands."""

    def client(_number: int) -> None:
        try:
            for _ in range(times):
                work()
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(client, range(CLIENTS)))


@contextmanager
def under_load() -> Iterator[None]:
    """Let other clients use the pool's sessions inside the block."""
    ended = threading.Event()

    def load() -> None:
        try:
            while not ended.is_set():
                User.objects.count()
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS) as threads:
        loads = [threads.submit(load) for _ in range(CLIENTS)]
        try:
            yield
        finally:
            ended.set()
        for one in loads:
            one.result()


def in_every_session(bouncer: PgBouncer, sql: str) -> list[object]:
    """Ask all sessions of the pool at once."""
    server = connection.get_connection_params()
    with ExitStack() as stack:
        answers = []
        for _ in range(POOL_SESSIONS):
            client = stack.enter_context(
                psycopg.connect(
                    host="127.0.0.1",
                    port=bouncer.port,
                    user=server["user"],
                    dbname=server["dbname"],
                )
            )
            client.prepare_threshold = None
            row = client.execute(sql).fetchone()  # and its transaction keeps the session
            answers.append(row[0] if row else None)
        return answers


def test_the_connection_knows_that_it_is_pooled() -> None:
    assert connection.is_pooled()  # type: ignore[attr-defined]


def test_long_work_has_no_limit_and_leaves_every_session_with_its_own(pooler: PgBouncer) -> None:
    seen = set()

    def work_long() -> None:
        with unlimited_transactions():
            seen.add(fetch("SELECT current_setting('transaction_timeout')", ())[0][0])
            with transaction.atomic():
                seen.add(fetch("SELECT current_setting('transaction_timeout')", ())[0][0])
                fetch("SELECT 1", ())
        User.objects.count()

    by_clients(work_long)
    connection.close()
    assert seen == {"0"}
    assert (
        in_every_session(pooler, "SELECT current_setting('transaction_timeout')")
        == [LIMIT] * POOL_SESSIONS
    )


#: Other tests lock in databases of their own, which PostgreSQL lists as well.
HELD_HERE = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND datname = current_database()
"""


def test_index_builds_follow_one_another_and_leave_no_lock() -> None:
    make_space(50)
    with under_load():
        for _ in range(3):
            call_command("create_vector_indices", stdout=StringIO())
    assert fetch(HELD_HERE, ()) == [(0,)]


def test_without_a_way_past_the_pooler_an_index_build_says_what_is_missing(
    settings: Settings,
) -> None:
    make_space(50)
    settings.DATABASE_DIRECT = {}
    with pytest.raises(CommandError, match="set DATABASE_DIRECT_URL"):
        call_command("create_vector_indices")


def test_the_audit_log_is_verified_under_load(settings: Settings, tmp_path: Path) -> None:
    settings.AUDIT_HEAD_FILE = str(tmp_path / "heads.jsonl")
    for _ in range(12):
        audit.record("test.happened", actor_id=None, subject="test:1")
        with transaction.atomic():
            audit_chain.seal()
    with under_load():
        for _ in range(5):
            out = StringIO()
            call_command("audit_verify", "--json", stdout=out)
            assert json.loads(out.getvalue())["seals"] == 12


def test_rows_are_streamed_outside_a_transaction_too() -> None:
    User.objects.bulk_create(User(phone=f"+1202555{number:04}") for number in range(60))
    with under_load():
        for _ in range(20):
            assert len(list(User.objects.iterator(chunk_size=10))) == 60


def test_frequent_statements_are_prepared_on_no_session(pooler: PgBouncer) -> None:
    by_clients(lambda: fetch("SELECT %s::int", (1,), is_prepared=True))
    connection.close()
    assert (
        in_every_session(pooler, "SELECT count(*) FROM pg_prepared_statements")
        == [0] * POOL_SESSIONS
    )
