"""Saving the matches of citizens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from jobs.ledger.database import execute, fetch, lock
from matching.models import Match, Profile
from matching.ranking.scoring import Ranked

#: How many matches a citizen has saved at most after a run.
SAVED_MATCHES = 100
#: Matches in the form in which they are stored, of a run too: `{opportunity_id, score, reasons}`.
MatchList = list[dict[str, Any]]


def as_match(ranked: Ranked) -> dict[str, Any]:
    """Return a ranked candidate in the form in which matches are stored."""
    return {"opportunity_id": str(ranked.id), "score": ranked.score, "reasons": ranked.reasons}


def save_matches(user_id: UUID, matches: MatchList) -> None:
    """Replace the citizen's saved matches by `matches`, in the caller's transaction.

    Opportunities and citizens that were deleted meanwhile are left out. A match that was saved
    before keeps the time when it was first found.
    """
    ids = [UUID(match["opportunity_id"]) for match in matches]
    lock_matches(user_id)
    execute(
        "DELETE FROM matching_match WHERE user_id = %s AND NOT opportunity_id = ANY(%s)",
        (user_id, ids),
    )
    upsert_matches([(user_id, match) for match in matches])
    floor = matches[-1]["score"] if len(matches) >= SAVED_MATCHES else None
    Profile.objects.filter(user=user_id).exclude(match_floor=floor).update(match_floor=floor)


def lock_matches(user_id: UUID) -> None:
    """Take the lock on the citizen's saved matches until this transaction ends.

    Runs and dismissals take it, so that a run sees an earlier dismissal. New opportunities do not:
    a match that they add beside a dismissal is not listed.
    """
    lock(f"matches of {user_id}")


def upsert_matches(
    matches: Sequence[tuple[UUID, dict[str, Any]]], *, is_update: bool = True
) -> list[UUID]:
    """Write matches of citizens; return the users of those that are new.

    An opportunity that the citizen dismissed or applied for is left out. All writers write in the
    order of `matching.ranking.reverse`, by opportunity and then by user, so that they cause no
    deadlock.
    """
    update = (
        "score = excluded.score, reasons = excluded.reasons, updated_at = statement_timestamp()"
    )
    sql = f"""
        INSERT INTO {Match._meta.db_table} (id, user_id, opportunity_id, score, reasons,
            created_at, updated_at)
        SELECT new.id, new.user_id, o.id, new.score, new.reasons, statement_timestamp(),
            statement_timestamp()
        FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::float8[], %s::jsonb[])
             AS new (id, user_id, opportunity_id, score, reasons)
        JOIN matching_opportunity AS o ON o.id = new.opportunity_id
        JOIN accounts_user AS u ON u.id = new.user_id
        WHERE NOT EXISTS (SELECT FROM matching_interaction AS i WHERE i.user_id = new.user_id
                          AND i.opportunity_id = new.opportunity_id AND i.kind IN ('dismiss',
                              'apply'))
        ORDER BY o.id, u.id
        ON CONFLICT (user_id,
            opportunity_id) DO {f"UPDATE SET {update}" if is_update else "NOTHING"}
        RETURNING user_id, created_at = updated_at
    """  # noqa: S608, SLF001 - constants; the table's documented name
    columns = [
        [uuid7() for _ in matches],
        [user_id for user_id, _ in matches],
        [UUID(one["opportunity_id"]) for _, one in matches],
        [one["score"] for _, one in matches],
        [Jsonb(one["reasons"]) for _, one in matches],
    ]
    return [user_id for user_id, is_new in fetch(sql, columns) if is_new]
