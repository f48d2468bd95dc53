"""Django's PostgreSQL backend, adapted to long-lived connections and to poolers.

With DEBUG on, Django's own backend keeps the text of the last 9,000 statements of each connection,
in a worker for as long as it lives, and makes each statement half as slow again.

PgBouncer in transaction mode may run every transaction in another session of PostgreSQL. Whatever
outlives a transaction (a prepared statement, a cursor WITH HOLD) is then lost, or found by others.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    @property
    def queries_logged(self) -> bool:
        """Return whether statements are kept, as they are inside `CaptureQueriesContext`."""
        return bool(self.force_debug_cursor)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; on a development machine start the embedded server first."""
        if settings.EMBEDDED_POSTGRES is not None:
            settings.EMBEDDED_POSTGRES.ensure_running()
        return super().get_new_connection(conn_params)

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
