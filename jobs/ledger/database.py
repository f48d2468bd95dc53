"""Raw SQL for the ledger: statements, limits of transactions, repetition after an outage."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar, cast

import psycopg
import structlog
from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.backends.utils import CursorWrapper
from psycopg.pq import TransactionStatus
from psycopg.types.json import JsonbLoader

from jobs.errors import SessionUnavailable

T = TypeVar("T")
Parameters = Sequence[Any] | dict[str, Any]
log = structlog.get_logger(__name__)

#: How long a prepared plan is used: one made while the ledger was empty would read a full ledger
#: from end to end. The second time is that of a statement that searches the ledger, or that has run
#: so often in this process meanwhile.
PLAN_LIFETIME_SECONDS = 60.0
SHORT_PLAN_LIFETIME_SECONDS, MANY_RUNS = 5.0, 1000
#: So many statements are known by their text, and then forgotten.
KNOWN_STATEMENTS = 2000
PAUSE_MINIMUM_SECONDS = 0.1
PAUSE_MAXIMUM_SECONDS = 2.0


def execute(sql: str, parameters: Parameters, *, is_prepared: bool = False) -> int:
    """Run one SQL statement and return the number of rows it changed.

    Pass `is_prepared` for a statement that runs often: PostgreSQL then plans it only now and then.
    """
    lifetime = PLAN_LIFETIME_SECONDS
    with _run(sql, parameters, is_prepared=is_prepared, lifetime=lifetime) as cursor:
        return int(cursor.rowcount)


def fetch(
    sql: str, parameters: Parameters, *, is_prepared: bool = False, is_search: bool = False
) -> list[tuple[Any, ...]]:
    """Run one SQL statement and return its rows; jsonb columns come as Python values.

    Pass `is_prepared` for a statement that runs often: PostgreSQL then plans it only now and then.
    One that searches the ledger instead of naming its rows is also an `is_search`: its plan is soon
    out of date.
    """
    lifetime = SHORT_PLAN_LIFETIME_SECONDS if is_search else PLAN_LIFETIME_SECONDS
    with _run(sql, parameters, is_prepared=is_prepared, lifetime=lifetime, has_rows=True) as cursor:
        return list(cursor.fetchall())


def now() -> datetime:
    """Return the time by PostgreSQL's clock, the one that all processes share."""
    [(time_there,)] = fetch("SELECT clock_timestamp()", ())
    return cast("datetime", time_there)


def lock(name: str, *, is_shared: bool = False) -> None:
    """Lock `name` until this transaction ends; other callers that lock the same name wait.

    Those whose lock `is_shared` do not wait for each other.
    """
    kind = "pg_advisory_xact_lock_shared" if is_shared else "pg_advisory_xact_lock"
    execute(f"SELECT {kind}(hashtextextended(%s, 0))", (name,))


def _run(
    sql: str,
    parameters: Parameters,
    *,
    is_prepared: bool,
    lifetime: float,
    has_rows: bool = False,
) -> CursorWrapper:
    """Return the cursor that has run a statement.

    Django's own cursor plans every statement anew, which costs a claim more than all the rest of
    it. psycopg's prepares statements where `DB_PREPARED_STATEMENTS` allows it.
    """
    # A prepared statement cannot show its text with its values to who watches the statements.
    is_prepared = is_prepared and not connection.queries_logged
    is_native = is_prepared and not isinstance(parameters, dict)
    cursor = _prepared_cursor(is_native=is_native) if is_prepared else connection.cursor()
    try:
        if has_rows:  # Django leaves jsonb text, for its own fields to decode
            cursor.adapters.register_loader("jsonb", JsonbLoader)
        text = _fresh(sql, is_native=is_native, lifetime=lifetime) if is_prepared else sql
        cursor.execute(text, parameters)
    except BaseException:
        cursor.close()
        raise
    return cursor


def _prepared_cursor(*, is_native: bool) -> CursorWrapper:
    connection.ensure_connection()
    raw: Any = connection.connection
    cursor: Any = psycopg.RawCursor(raw) if is_native else psycopg.Cursor(raw)
    return connection.make_cursor(cursor)


@dataclass(slots=True)
class _Text:
    """The text of a prepared statement, since when it has been used, and how often."""

    text: str
    since: float
    runs: int = 0

    def lifetime(self, lifetime: float) -> float:
        """Return how long its plan is used, at most so long."""
        return min(lifetime, SHORT_PLAN_LIFETIME_SECONDS) if self.runs >= MANY_RUNS else lifetime


_texts: dict[str, _Text] = {}


def _fresh(sql: str, *, is_native: bool, lifetime: float) -> str:
    """Return the SQL with a comment that changes once its plan is old.

    A prepared statement keeps its plan, and the ledger may have grown since it was made. A changed
    text makes PostgreSQL plan again. The comment counts lifetimes by the clock, so that behind a
    pooler, which knows statements by their text, processes share them and meet no old plan.
    `is_native` is for parameters in the order of the text, which PostgreSQL numbers: psycopg would
    look for them anew in each long statement.
    """
    now, kept = time.monotonic(), _texts.get(sql)
    lifetime = kept.lifetime(lifetime) if kept else lifetime
    if kept is None or kept.since // lifetime != now // lifetime:
        if len(_texts) >= KNOWN_STATEMENTS:
            _texts.clear()
        text = _numbered(sql) if is_native else sql
        kept = _texts[sql] = _Text(f"{text} -- {int(now // lifetime)}", now)
    kept.runs += 1
    return kept.text


@lru_cache(maxsize=512)
def _numbered(sql: str) -> str:
    """Return SQL whose parameters are `%s` with `$1`, `$2` and so on instead."""
    numbers = itertools.count(1)
    return _PLACE.sub(lambda place: "%" if place[0] == "%%" else f"${next(numbers)}", sql)


_PLACE = re.compile("%s|%%")


def in_own_transaction() -> bool:
    """Return whether the code has opened a transaction itself.

    The transaction that a Django test case wraps around each test does not count.
    """
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def limit_transactions_by_default(settings_dict: dict[str, Any], timeout: timedelta) -> None:
    """Make connections opened with `settings_dict` end every transaction after `timeout`.

    So a process that stands still frees its locks. It costs no statement: the limit is a startup
    parameter of the connection.
    """
    options = settings_dict.setdefault("OPTIONS", {})
    options["options"] = (
        f"{options.get('options', '')} -c transaction_timeout={_milliseconds(timeout)}".strip()
    )


def limit_transaction(timeout: timedelta) -> None:
    """Make PostgreSQL end the current transaction after `timeout`.

    Does nothing inside the transaction of a Django test case, which outlives the code under test.
    """
    if len(connection.atomic_blocks) == 1:
        execute(
            "SELECT set_config('transaction_timeout', %s, true)", (str(_milliseconds(timeout)),)
        )


@contextmanager
def unlimited_transactions() -> Iterator[None]:
    """Lift the time limit of this connection's transactions inside the `with` block.

    The limit is lifted in each transaction separately, since behind PgBouncer other clients use the
    same session.
    """
    if connection.in_atomic_block:  # a test case's
        yield
        return
    with connection.execute_wrapper(_without_limit):
        yield


def _without_limit(
    execute: Callable[..., T], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> T:
    wrapper = context["connection"]
    raw: psycopg.Connection[Any] = wrapper.connection
    if raw.info.transaction_status != TransactionStatus.IDLE:
        return execute(sql, params, many, context)
    with nullcontext() if wrapper.in_atomic_block else transaction.atomic():
        raw.execute("SET LOCAL transaction_timeout = 0")
        return execute(sql, params, many, context)


@contextmanager
def own_session() -> Iterator[None]:
    """Use a direct PostgreSQL session without time limits inside the `with` block.

    It bypasses any pooler, for what belongs to one session: its locks, its settings, CREATE INDEX
    CONCURRENTLY. Everything that this thread does with the default connection inside the block
    happens there.

    Raises:
        SessionUnavailable: DATABASE_DIRECT_URL (or, without it, DATABASE_URL) leads to a pooler.
    """
    outer = connections[DEFAULT_DB_ALIAS]
    session = _session_like(outer)
    connections[DEFAULT_DB_ALIAS] = session
    try:
        if session.is_pooled():
            raise SessionUnavailable
        execute("SET transaction_timeout = 0", ())
        execute("SET statement_timeout = 0", ())
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = outer
        session.close()


def _session_like(outer: Any) -> Any:
    session = outer.copy()
    session.settings_dict["OPTIONS"].pop("pool", None)
    session.settings_dict |= settings.DATABASE_DIRECT
    return session


def _milliseconds(timeout: timedelta) -> int:
    return int(timeout.total_seconds() * 1000)


def persistently(statement: Callable[[], T]) -> T:
    """Run `statement`, and repeat it until PostgreSQL answers.

    A worker that returned or raised during an outage would acknowledge a message whose outcome is
    not stored. Inside a transaction of the caller's the error is raised, since a statement of a
    broken transaction cannot be repeated alone; likewise once the transaction of a test has ended
    with its connection.
    """
    pause = PAUSE_MINIMUM_SECONDS
    while True:
        try:
            return statement()
        except (OperationalError, InterfaceError) as error:
            if in_own_transaction() or connection.closed_in_transaction:
                raise
            log.warning(
                "jobs.database_away", error=type(error).__name__, pause_seconds=round(pause, 2)
            )
            connection.close()
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads the load, guards nothing
        pause = min(pause * 2, PAUSE_MAXIMUM_SECONDS)
