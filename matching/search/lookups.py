"""Finding opportunities without vectors: by words, by age, by id."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from jobs.ledger.database import fetch
from matching.search.criteria import Criteria


def best_text_hits(words: Sequence[str], criteria: Criteria, *, count: int) -> list[UUID]:
    """Return the opportunities that meet the criteria and have the best full text rank for `words`.

    At most MATCHING_TEXT_ROWS hits are ranked.
    """
    if not words:
        return []
    where = criteria.where()
    sql = f"""
        WITH query AS (SELECT to_tsquery('english', %s) AS words),
        hits AS MATERIALIZED (
            SELECT o.id, o.search FROM matching_opportunity AS o, query
            WHERE o.search @@ query.words AND {where.sql} LIMIT %s
        )
        SELECT hits.id FROM hits, query ORDER BY ts_rank(hits.search, query.words, 1) DESC, hits.id
            LIMIT %s
    """  # noqa: S608
    return _ids(sql, [" | ".join(words), *where.parameters, settings.MATCHING_TEXT_ROWS, count])


def newest(criteria: Criteria, *, count: int) -> list[UUID]:
    """Return the newest opportunities that meet the criteria, for a citizen without a profile."""
    where = criteria.where()
    sql = f"""
        SELECT o.id FROM matching_opportunity AS o WHERE {where.sql} ORDER BY o.created_at DESC,
            o.id DESC LIMIT %s
    """  # noqa: S608
    return _ids(sql, [*where.parameters, count])


def still_pass(ids: Sequence[UUID], criteria: Criteria) -> set[UUID]:
    """Return those of `ids` that meet the criteria now."""
    where = criteria.where()
    sql = f"SELECT o.id FROM matching_opportunity AS o WHERE o.id = ANY(%s) AND {where.sql}"  # noqa: S608
    return set(_ids(sql, [list(ids), *where.parameters]))


def opportunity_rows() -> int:
    """Return about how many opportunities there are, as of the last ANALYZE; 0 before the first."""
    sql = (
        "SELECT greatest(reltuples, 0)::bigint FROM pg_class"
        " WHERE oid = 'matching_opportunity'::regclass"
    )
    [(rows,)] = fetch(sql, ())
    return int(rows)


def _ids(sql: str, parameters: Sequence[object]) -> list[UUID]:
    return [opportunity_id for (opportunity_id,) in fetch(sql, parameters)]
