"""How the ledger talks to PostgreSQL: raw statements, and patience while the server is away."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection
from psycopg.types.json import JsonbLoader

T = TypeVar("T")
log = structlog.get_logger(__name__)

PAUSE_MINIMUM_SECONDS = 0.1
PAUSE_MAXIMUM_SECONDS = 2.0


def execute(sql: str, parameters: Sequence[Any] | dict[str, Any]) -> int:
    """Run one statement; return the number of rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def fetch(sql: str, parameters: Sequence[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    """Run one statement; return its rows, JSON as Python values."""
    with connection.cursor() as cursor:
        cursor.adapters.register_loader("jsonb", JsonbLoader)  # Django leaves it text, for its own fields to decode
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def in_own_transaction() -> bool:
    """Whether the code itself opened a transaction; the one a Django test case wraps around it does not count."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def persistently(statement: Callable[[], T]) -> T:
    """Run `statement`, and again for as long as PostgreSQL cannot answer.

    A worker that returned or raised meanwhile would acknowledge a message whose outcome is not written.
    """
    pause = PAUSE_MINIMUM_SECONDS
    while True:
        try:
            return statement()
        except (OperationalError, InterfaceError) as error:
            if in_own_transaction():
                raise
            log.warning("jobs.database_away", error=type(error).__name__, pause_seconds=round(pause, 2))
            connection.close()
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads the load, guards nothing
        pause = min(pause * 2, PAUSE_MAXIMUM_SECONDS)
