"""What must not happen twice at once."""

from __future__ import annotations

from django.db import connection


def lock(subject: str) -> None:
    """Others that lock the same subject wait until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [subject])
