"""Test databases that are made and emptied quickly.

Every one is copied from a template, which is migrated once and kept; between transactional tests
the rows that a test left are deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import django
import environ
import psycopg
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.commands import flush
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.creation import BaseDatabaseCreation
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import TransactionTestCase
from psycopg import sql
from psycopg.pq import TransactionStatus

from config.postgresql import roles

T = TypeVar("T")

#: Written by the migrations and equal in every test.
KEPT = {"django_content_type", "auth_permission"}
#: What a URL says of where a database is.
PLACE = ("HOST", "PORT", "NAME", "USER", "PASSWORD")
#: Tables that may hold rows: to count those of all others takes much longer.
WITH_PAGES = """
SELECT name FROM unnest(%s::text[]) AS name JOIN pg_class ON pg_class.oid = to_regclass(name)
WHERE relkind = 'p' OR pg_relation_size(pg_class.oid) > 0
"""
#: Ends what a test began in its session and did not end.
FORGET = "RESET ALL; SELECT pg_advisory_unlock_all(); UNLISTEN *; CLOSE ALL; DISCARD TEMP"
#: Past so many rows TRUNCATE is faster than DELETE.
FEW_ROWS = 2000


def install() -> None:
    """Have Django empty and drop test databases as this module does."""
    DatabaseOperations.sql_flush = _sql_flush  # type: ignore[method-assign, assignment]
    DatabaseCreation._destroy_test_db = drop_database_in_use  # type: ignore[attr-defined]
    flush.emit_post_migrate_signal = _no_signal  # type: ignore[attr-defined]  # it would write `KEPT`
    TransactionTestCase._should_reload_connections = needs_another_connection  # type: ignore[attr-defined]


def _no_signal(*_arguments: Any, **_options: Any) -> None:
    """Send no signal after a flush, since what its receivers would write was kept."""


def needs_another_connection(_test: TransactionTestCase | None = None) -> bool:
    """Return whether a transactional test leaves no connection that the next one can use.

    What it set in its session is forgotten. A new session would have to read the catalogue of all
    tables again, which takes longer than most tests.
    """
    raw: Any = connection.connection
    if raw is None or raw.closed or raw.info.transaction_status != TransactionStatus.IDLE:
        return True
    try:
        with connection.cursor() as cursor:
            cursor.execute(FORGET)
    except DatabaseError:
        return True
    return False


def _sql_flush(
    operations: DatabaseOperations, _style: Any, tables: Any, **_options: Any
) -> list[str]:
    """Return the statements that empty the tables, past triggers that forbid it."""
    names = [operations.quote_name(table) for table in tables if table not in KEPT]
    filled = _rows_of(names)
    if not filled:
        return []
    statements = [f"DELETE FROM {name}" for name in filled]
    if max(filled.values()) >= FEW_ROWS:
        statements = [f"TRUNCATE {', '.join(names)}"]
    return ["SET LOCAL session_replication_role = replica", *statements]


def _rows_of(tables: list[str]) -> dict[str, int]:
    """Return how many rows each table has that has any, counted up to `FEW_ROWS`."""
    with connection.cursor() as cursor:
        cursor.execute(WITH_PAGES, [tables])
        counts = " UNION ALL ".join(
            f"SELECT '{table}', count(*) FROM (SELECT FROM {table} LIMIT {FEW_ROWS}) AS first_rows"
            for (table,) in cursor.fetchall()
        )
        cursor.execute(counts or "SELECT NULL, 0")
        return {table: count for table, count in cursor.fetchall() if count}


def drop_database_in_use(
    creation: BaseDatabaseCreation, test_database_name: str, verbosity: int
) -> None:
    """Drop the test database although a process a test killed is still leaving it."""
    with creation._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(
            f"DROP DATABASE {creation.connection.ops.quote_name(test_database_name)} WITH (FORCE)"
        )


def ensure_template(server: str) -> str:
    """Return the name of a migrated database to copy from; migrate it where it is missing.

    Its name holds a hash of the migrations, so that a changed one makes a new template. One process
    at a time does this.
    """
    name = f"template_{_digest()}"
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute("SELECT pg_advisory_lock(hashtext('the template of test databases'))")
        rows = administrator.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%'"
        )
        templates = {row[0] for row in rows}
        if name not in templates:
            for old in {*templates, "template_unfinished"}:
                drop(old, server=server)
            administrator.execute("CREATE DATABASE template_unfinished")
            _migrate("template_unfinished")
            administrator.execute(
                sql.SQL("ALTER DATABASE template_unfinished RENAME TO {}").format(
                    sql.Identifier(name)
                )
            )
    return name


def copy(name: str, *, template: str, server: str) -> None:
    """Create the database anew as a copy of the template."""
    drop(name, server=server)
    copied = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(copied.format(sql.Identifier(name), sql.Identifier(template)))


def drop(name: str, *, server: str) -> None:
    """Drop the database, if there is one, although processes may still be leaving it."""
    with psycopg.connect(server, autocommit=True) as administrator:
        dropped = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        administrator.execute(dropped.format(sql.Identifier(name)))


def guard_application() -> None:
    """Forbid the application's role in this database what it may not do in production either."""
    if role := settings.DATABASE_APPLICATION_ROLE:
        with transaction.atomic(), connection.cursor() as cursor:
            roles.guard(cursor, application=role)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Ask the database of this name in a block."""
    with _reconnected({"NAME": name}):
        yield


def prepare_template(server: str, blocker: Any) -> None:
    """Make the template before the tests need it, in a thread of the process that runs none."""
    with blocker.unblock():
        ensure_template(server)


def _migrate(database: str) -> None:
    """Migrate it past PgBouncer, which would keep connections to it open."""
    with _reconnected(settings.DATABASE_DIRECT | {"NAME": database}):
        call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Have commands of this process work on the database of another URL during a block.

    No transaction may be open. A process for each command would take two seconds to load the code.
    """
    parts = environ.Env.db_url_config(url)
    options = connection.settings_dict["OPTIONS"] | parts.pop("OPTIONS", {})
    with _reconnected({key: parts[key] for key in PLACE} | {"OPTIONS": options}):
        yield


@contextmanager
def _reconnected(parameters: dict[str, Any]) -> Iterator[None]:
    own = connection.settings_dict.copy()
    connection.close()
    connection.settings_dict.update(parameters)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(own)
        ContentType.objects.clear_cache()  # the keys of another database


def _digest() -> str:
    digest = hashlib.sha256(django.__version__.encode())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        folder = Path(app.path)
        migrations = sorted(folder.glob("migrations/*.py"))
        for file in migrations or folder.glob("models.py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def shared(make: Callable[[], T], blocker: Any) -> Iterator[T]:
    """Yield what `make()` writes, once for all tests of a file: undo it after the last of them.

    It is for fixtures of a module's scope. Tests undo what they write themselves; a test that
    flushes its tables cannot be in such a file.
    """
    with blocker.unblock(), ExitStack() as stack:
        stack.enter_context(_undone())
        made = make()
        undo = stack.pop_all()
    yield made
    with blocker.unblock():
        undo.close()


@contextmanager
def _undone() -> Iterator[None]:
    """Run a block in a transaction that is rolled back, and may hold durable ones as tests may."""
    everything = transaction.atomic()
    everything._from_testcase = True  # type: ignore[attr-defined]
    with everything:
        yield
        transaction.set_rollback(True)
