"""Races to test with: two transactions, one of which waits for the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import connection

from tests.jobs.conftest import wait_until

P = ParamSpec("P")
T = TypeVar("T")


def in_a_thread(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Do the work as a thread does it, whose connection is closed after that."""
    try:
        return work(*args, **options)
    finally:
        connection.close()


def wait_until_blocked(query: str, *, statements: int = 1) -> None:
    """Return once so many statements that match the pattern wait for a lock."""
    wait_until(
        lambda: _blocked(query) >= statements, f"{statements} with {query} to wait for a lock"
    )


def _blocked(query: str) -> int:
    with connection.cursor() as cursor:
        # In a transaction the view would not change otherwise.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND wait_event_type = 'Lock' AND query ~ %s",
            [query],
        )
        return int(cursor.fetchone()[0])
