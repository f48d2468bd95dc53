"""Django's PostgreSQL backend, which remembers statements only for whoever asks for them.

With DEBUG on Django's own keeps the text of the last 9,000 of each connection: in a worker, which no request ends, for
as long as it lives; and each statement takes half as long again.
"""

from __future__ import annotations

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    @property
    def queries_logged(self) -> bool:
        """Whether statements are kept, as inside `CaptureQueriesContext`."""
        return bool(self.force_debug_cursor)
