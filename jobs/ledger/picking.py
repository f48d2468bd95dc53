"""Choose the next due tasks of a queue: the most urgent first, senders in turn.

Senders take turns only where more is due than is to be picked.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from jobs.ledger.database import fetch
from jobs.ledger.parcels import Parcel

#: How many tasks of one sender are considered for one batch.
TURNS_A_SENDER = 20
#: The least number of senders considered for one batch; some may have nothing that is due.
SENDERS_MIN = 8

_MOST_URGENT = """
    SELECT id, actor, queue, urgency, priority FROM jobs_task WHERE queue = %(queue)s AND {due}
    ORDER BY urgency, priority, publish_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
_LEVEL = """
    queue = %(queue)s AND urgency = %(urgency)s AND priority = %(priority)s
    AND state IN ('queued', 'retrying')
"""
#: The senders of a level that have waiting tasks, in the order of their ids. Each costs one step
#: through the index.
_HOP = f"""
    (SELECT created_by, 1 FROM jobs_task WHERE {_LEVEL} AND {{start}} ORDER BY created_by LIMIT 1)
    UNION ALL
    SELECT (SELECT created_by FROM jobs_task WHERE {_LEVEL} AND created_by > hop.sender
            ORDER BY created_by LIMIT 1), hop.place + 1
    FROM {{name}} AS hop WHERE hop.sender IS NOT NULL AND hop.place < %(senders)s
"""  # noqa: S608 - constants only
#: One sender's next tasks. ORDER BY names the sender too, as the index does; otherwise PostgreSQL
#: would sort the tasks without a sender.
_OF_SENDER = f"""
    SELECT id, row_number() OVER (ORDER BY created_by, publish_at) AS turn
    FROM jobs_task WHERE {_LEVEL} AND {{sender}} AND {{due}}
    ORDER BY created_by, publish_at LIMIT %(turns)s
"""  # noqa: S608 - constants only
#: Every sender's first task, then every sender's second, beginning with the sender after the one
#: served last. Tasks without a sender (those of the schedule) count as one sender's.
#: IS TRUE as in `transitions.IS_RUNNING`.
_FAIR = f"""
    WITH RECURSIVE following(sender, place) AS (
        {_HOP.format(name="following", start="created_by > %(after)s")}
    ), first(sender, place) AS (
        {_HOP.format(name="first", start="created_by IS NOT NULL")}
    ), senders(sender, place) AS (
        SELECT sender, place FROM following WHERE sender IS NOT NULL
        UNION ALL SELECT sender, %(senders)s + 1 + place FROM first WHERE sender <= %(after)s
    ), turns(task_id, sender, turn, place) AS (
        SELECT own.id, senders.sender, own.turn, senders.place FROM senders
        CROSS JOIN LATERAL ({_OF_SENDER.format(sender="created_by = senders.sender", due="{due}")})
            AS own
        UNION ALL
        SELECT own.id, NULL, own.turn, %(senders)s + 1
        FROM ({_OF_SENDER.format(sender="created_by IS NULL", due="{due}")}) AS own
    ), chosen AS (SELECT * FROM turns ORDER BY turn, place LIMIT %(limit)s)
    SELECT id, actor, queue, urgency, priority, sender
    FROM chosen JOIN jobs_task ON id = task_id WHERE ({{due}}) IS TRUE
    ORDER BY turn, place FOR UPDATE OF jobs_task SKIP LOCKED
"""  # noqa: S608 - constants only
#: Before every sender.
_BEGINNING = UUID(int=0)


class Picking:
    """Picks tasks for which `due` is true.

    `due` is an SQL condition on `jobs_task`; it must imply that a task waits (`queued`,
    `retrying`).
    """

    def __init__(self, due: str) -> None:
        self._most_urgent = _MOST_URGENT.format(due=due)
        self._fair = _FAIR.format(due=due)
        self._served: dict[str, UUID] = {}  # queue → the sender whose turn was last

    def lock(self, queue: str, limit: int, **parameters: Any) -> list[Parcel]:
        """Lock up to `limit` tasks of `queue`; return them in the order in which they are to run.

        The locks last until the transaction ends. Tasks that another transaction has locked are
        left out. `parameters` are those of the condition `due`.
        """
        parameters |= {"queue": queue, "limit": limit}
        rows = fetch(self._most_urgent, parameters, is_prepared=True, is_search=True)
        if rows and len(rows) == limit:
            rows = self._share_out(rows, parameters)
        return [Parcel(*row[:3]) for row in rows]

    def _share_out(
        self, rows: list[tuple[Any, ...]], parameters: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Replace the rows of the least urgent level by rows in turn of their senders.

        Only at that level may some due tasks be left out. Room that the turns leave goes to the
        most urgent tasks, so that a batch is always full.
        """
        limit, level = len(rows), rows[-1][3:5]
        above = [row for row in rows if row[3:5] != level]
        fair = self._take_turns(level, parameters | {"limit": limit - len(above)})
        return list(dict.fromkeys([*above, *fair, *rows]))[:limit]

    def _take_turns(
        self, level: tuple[Any, ...], parameters: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        queue, limit = parameters["queue"], parameters["limit"]
        parameters |= {
            "urgency": level[0],
            "priority": level[1],
            "after": self._served.get(queue, _BEGINNING),
            "senders": max(limit, SENDERS_MIN),
            "turns": min(limit, TURNS_A_SENDER),
        }
        rows = fetch(self._fair, parameters, is_prepared=True, is_search=True)
        # Where none of those looked at has anything due, the next look begins somewhere else.
        self._served[queue] = (rows[-1][5] or _BEGINNING) if rows else uuid4()
        return [row[:5] for row in rows]
