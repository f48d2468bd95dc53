"""Keeping citizens' saved matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from jobs.ledger.database import lock
from matching.models import Match
from matching.ranking.scoring import Ranked

#: Matches as they are kept, of a run too: `{opportunity_id, score, reasons}`.
Found = list[dict[str, Any]]


def as_match(one: Ranked) -> dict[str, Any]:
    """A ranked candidate as a match is kept."""
    return {"opportunity_id": str(one.id), "score": one.score, "reasons": one.reasons}


def save_matches(user_id: UUID, found: Found) -> None:
    """The citizen's saved matches are `found`, each once, in one statement; others go. In the
    caller's transaction.

    An opportunity that was deleted meanwhile is left out; for a citizen who was, nothing is saved.
    A match keeps the time it was first found at.
    """
    ids = [UUID(one["opportunity_id"]) for one in found]
    lock_matches(user_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM matching_match WHERE user_id = %s AND NOT opportunity_id = ANY(%s)",
            [user_id, ids],
        )
    upsert_matches([(user_id, one) for one in found])


def lock_matches(user_id: UUID) -> None:
    """No other run or dismissal of the citizen's changes the matches until this transaction ends;
    an earlier one shows.

    New opportunities do not wait: what they add beside a dismissal is not listed.
    """
    lock(f"matches of {user_id}")


def upsert_matches(
    found: Sequence[tuple[UUID, dict[str, Any]]], *, is_update: bool = True
) -> list[UUID]:
    """Write matches of citizens; the users of those that are new. What they dismissed or applied
    for is left out.

    Written in one order, that of `matching.ranking.reverse`, so that two who write the same ones at
    once cause no deadlock.
    """
    update = (
        "score = excluded.score, reasons = excluded.reasons, updated_at = statement_timestamp()"
    )
    sql = f"""
        INSERT INTO {Match._meta.db_table} (id, user_id, opportunity_id, score, reasons, created_at, updated_at)
        SELECT new.id, new.user_id, o.id, new.score, new.reasons, statement_timestamp(), statement_timestamp()
        FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::float8[], %s::jsonb[])
             AS new (id, user_id, opportunity_id, score, reasons)
        JOIN matching_opportunity AS o ON o.id = new.opportunity_id
        JOIN accounts_user AS u ON u.id = new.user_id
        WHERE NOT EXISTS (SELECT FROM matching_interaction AS i WHERE i.user_id = new.user_id
                          AND i.opportunity_id = new.opportunity_id AND i.kind IN ('dismiss', 'apply'))
        ORDER BY o.id, u.id
        ON CONFLICT (user_id, opportunity_id) DO {f"UPDATE SET {update}" if is_update else "NOTHING"}
        RETURNING user_id, created_at = updated_at
    """  # noqa: S608, SLF001 - constants; the table's documented name
    columns = [
        [uuid7() for _ in found],
        [user_id for user_id, _ in found],
        [UUID(one["opportunity_id"]) for _, one in found],
        [one["score"] for _, one in found],
        [Jsonb(one["reasons"]) for _, one in found],
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, columns)
        return [user_id for user_id, is_new in cursor.fetchall() if is_new]
