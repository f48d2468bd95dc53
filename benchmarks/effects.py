"""The effect of a benchmark task: one row.

Nothing forbids a second one, so that a task run twice is seen.
"""

from __future__ import annotations

from django.db import connection

CREATE = """
    CREATE TABLE IF NOT EXISTS bench_effect (
        number integer, at timestamptz DEFAULT statement_timestamp())
"""


def insert_effect(number: int) -> None:
    """Insert one more row for `number`, in the caller's transaction if there is one."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_effect (number) VALUES (%s)", (number,))
