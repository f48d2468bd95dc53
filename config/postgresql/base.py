"""Django's PostgreSQL backend, adapted to long-lived connections and to poolers.

With DEBUG on, Django's own backend keeps the text of the last 9,000 statements of each connection,
in a worker for as long as it lives, and makes each statement half as slow again.

PgBouncer in transaction mode may run every transaction in another session of PostgreSQL. Whatever
outlives a transaction (a prepared statement, a cursor WITH HOLD) is then lost, or found by others.
"""

from __future__ import annotations

import select
import time
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import ConnectionPool

#: A connection that was taken so long ago may have been dropped on its way, without a sign of it.
TRUSTED_SECONDS = 15.0


def is_open(connection: Any) -> bool:
    """Return whether PostgreSQL has not closed an idle connection.

    Nothing can be read from one that is open, so asking PostgreSQL itself, which takes as long as a
    small statement, is left to the others, and to connections that were not in use lately.
    """
    now = time.monotonic()
    is_trusted = now - getattr(connection, "taken_at", -TRUSTED_SECONDS) < TRUSTED_SECONDS
    connection.taken_at = now
    if connection.closed:
        return False
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    if is_trusted and not look.poll(0):
        return True
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return False
    return True


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    @property
    def queries_logged(self) -> bool:
        """Return whether statements are kept, as they are inside `CaptureQueriesContext`."""
        return bool(self.force_debug_cursor)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, or take a connection of the pool that PostgreSQL has not closed.

        On a development machine the embedded server is started first.
        """
        if settings.EMBEDDED_POSTGRES is not None:
            settings.EMBEDDED_POSTGRES.ensure_running()
        pool: Any = getattr(self, "pool", None)
        connection = super().get_new_connection(conn_params)
        while pool and not is_open(connection):
            connection.close()
            pool.putconn(connection)  # which replaces it
            connection = super().get_new_connection(conn_params)
        return connection

    def init_connection_state(self) -> None:
        """Initialise the connection, without prepared statements behind a pooler.

        DB_PREPARED_STATEMENTS may say that the pooler supports them.
        """
        super().init_connection_state()
        raw: Any = self.connection
        if (
            settings.DB_PREPARED_STATEMENTS == "auto"
            and raw.prepare_threshold is not None
            and self.is_pooled()
        ):
            raw.prepare_threshold = None

    def is_pooled(self) -> bool:
        """Return whether a pooler stands between this process and PostgreSQL.

        A pooler announces a process number of its own, which differs from that of the session.
        """
        self.ensure_connection()
        raw: Any = self.connection
        if not hasattr(
            raw, "civiclens_is_pooled"
        ):  # asked once for each connection, since it costs a round trip
            with self.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                raw.civiclens_is_pooled = cursor.fetchone()[0] != raw.info.backend_pid
        return bool(raw.civiclens_is_pooled)

    def chunked_cursor(self) -> Any:
        """Return a server-side cursor inside a transaction, else a plain one.

        Outside a transaction Django declares cursors WITH HOLD, which belong to a session.
        """
        return super().chunked_cursor() if self.in_atomic_block else self.cursor()
