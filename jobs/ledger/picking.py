"""Which due tasks of a queue are next: the most urgent first, and behind a backlog people take
turns.
"""

from __future__ import annotations

from typing import Any

from jobs.ledger.database import fetch
from jobs.transport.publisher import Parcel

#: So many of one person's tasks are looked at for one batch, of so many people.
TURNS_A_PERSON = 20
PEOPLE = 500

_MOST_URGENT = """
    SELECT id, actor, queue FROM jobs_task WHERE queue = %(queue)s AND {due}
    ORDER BY priority, publish_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
#: Everybody's first task, then everybody's second. Tasks of nobody (imports, the schedule) count as
#: one person's. The people are found by hopping through the index, one step each. IS TRUE as in
#: `ledger.IS_RUNNING`.
_FAIR = f"""
    WITH RECURSIVE hop(person) AS (
        (SELECT created_by FROM jobs_task WHERE queue = %(queue)s AND state IN ('queued', 'retrying')
         AND created_by IS NOT NULL ORDER BY created_by LIMIT 1)
        UNION ALL
        SELECT (SELECT created_by FROM jobs_task WHERE queue = %(queue)s AND state IN ('queued', 'retrying')
                AND created_by > hop.person ORDER BY created_by LIMIT 1)
        FROM hop WHERE hop.person IS NOT NULL
    ), turns AS (
        SELECT t.* FROM (SELECT person FROM hop WHERE person IS NOT NULL LIMIT {PEOPLE}) AS people
        CROSS JOIN LATERAL (
            SELECT id, priority, publish_at, row_number() OVER (ORDER BY priority, publish_at) AS turn
            FROM jobs_task WHERE queue = %(queue)s AND created_by = people.person AND {{due}}
            ORDER BY priority, publish_at LIMIT {TURNS_A_PERSON}
        ) AS t
        UNION ALL
        (SELECT id, priority, publish_at, row_number() OVER (ORDER BY priority, publish_at) AS turn
         FROM jobs_task WHERE queue = %(queue)s AND created_by IS NULL AND {{due}}
         ORDER BY priority, publish_at LIMIT {TURNS_A_PERSON})
    )
    SELECT id, actor, queue FROM jobs_task
    WHERE id IN (SELECT id FROM turns ORDER BY priority, turn, publish_at LIMIT %(limit)s) AND ({{due}}) IS TRUE
    FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants only


class Picking:
    """Picks waiting tasks of which `due` is true, an SQL condition on `jobs_task` that implies that
    they wait.
    """

    def __init__(self, due: str) -> None:
        self._most_urgent = _MOST_URGENT.format(due=due)
        self._fair = _FAIR.format(due=due)

    def lock(self, queue: str, limit: int, **parameters: Any) -> list[Parcel]:
        """Lock up to `limit` tasks of `queue` until the transaction ends, in the order in which
        they are to run.

        Tasks that somebody else has locked are passed over. `parameters` are those of `due`.
        """
        parameters |= {"queue": queue, "limit": limit}
        rows = fetch(self._most_urgent, parameters, is_prepared=True)
        if len(rows) == limit > 1:
            # Turns are few a person; what room they leave goes to the most urgent, so that a batch
            # is always full.
            rows = list(dict.fromkeys([*fetch(self._fair, parameters, is_prepared=True), *rows]))[
                :limit
            ]
        return [Parcel(*row) for row in rows]
