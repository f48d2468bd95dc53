"""Django's PostgreSQL backend, at home on long-lived connections and behind a pooler.

With DEBUG on Django's own keeps the text of the last 9,000 statements of each connection: in a
worker, which no request ends, for as long as it lives; and each takes half as long again.

PgBouncer in transaction mode may give every transaction to another session of PostgreSQL. What
outlives a transaction there (a prepared statement, a cursor WITH HOLD) is lost or met by strangers.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    @property
    def queries_logged(self) -> bool:
        """Whether statements are kept, as inside `CaptureQueriesContext`."""
        return bool(self.force_debug_cursor)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; on a development machine start the embedded server first."""
        if settings.EMBEDDED_POSTGRES is not None:
            settings.EMBEDDED_POSTGRES.ensure_running()
        return super().get_new_connection(conn_params)

    def init_connection_state(self) -> None:
        """Prepare nothing on a pooled connection, unless the settings say that its pooler keeps
        track.
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
        """Tell whether a pooler stands between here and PostgreSQL.

        A pooler greets with a process number of its own making, which no session answers with.
        """
        self.ensure_connection()
        raw: Any = self.connection
        if not hasattr(
            raw, "civiclens_is_pooled"
        ):  # a connection stays what it is; asking costs a round trip
            with self.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                raw.civiclens_is_pooled = cursor.fetchone()[0] != raw.info.backend_pid
        return bool(raw.civiclens_is_pooled)

    def chunked_cursor(self) -> Any:
        """Return a server-side cursor inside a transaction, else a plain one.

        Outside a transaction Django declares cursors WITH HOLD, which belong to a session.
        """
        return super().chunked_cursor() if self.in_atomic_block else self.cursor()
