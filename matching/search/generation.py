"""A number that grows whenever opportunities change, so that what was computed from older ones is
not used again.
"""

from __future__ import annotations

from django.db import connection, transaction


def current() -> int:
    """The present generation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM matching_generation")
        return int(cursor.fetchone()[0])


def advance() -> None:
    """Opportunities change in the caller's transaction.

    Counted now, in case this process does not live to count, and again after the commit: what
    others computed in between did not see the change.
    """
    _next()
    transaction.on_commit(_next)


def _next() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('matching_generation')")
