"""Count day by day what happened: the statements that keep the tables of days up to date."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from jobs.ledger.database import execute


@dataclass(frozen=True)
class Tally:
    """A table with a row for each day and kind, and the query of the events that it counts.

    Args:
        table: the table's name.
        ids: the columns of the kind that hold the id of another row, or NULL.
        names: the columns of the kind that are never NULL.
        counts: the columns that add up.
        events: a query of `day` and all these columns, with `%(zone)s` for the time zone.
        first_day: an SQL expression of the first day that is counted; days before stay as they
            are. NULL: all days are counted.
    """

    table: str
    ids: tuple[str, ...]
    names: tuple[str, ...]
    counts: tuple[str, ...]
    events: str
    first_day: str = "NULL::date"

    def update(self) -> int:
        """Bring the counts of every day up to date; return how many rows were written."""
        return execute(self._statement, {"zone": settings.TIME_ZONE})

    @cached_property
    def _statement(self) -> str:
        """Return the SQL that writes rows which are missing or differ, and deletes empty ones.

        Rows that are right already are not written again: of years of days few change in a minute.
        """
        kind = ", ".join(("day", *self.ids, *self.names))
        counts = ", ".join(self.counts)
        sums = ", ".join(f"sum({name}) AS {name}" for name in self.counts)
        return f"""
            WITH fresh AS MATERIALIZED (
                SELECT {kind}, {sums} FROM ({self.events}) AS event
                WHERE {self._is_counted} GROUP BY {kind}
            ),
            gone AS (
                DELETE FROM {self.table} AS stored
                WHERE {self._is_counted}
                    AND NOT EXISTS (SELECT FROM fresh WHERE {self._is_same_kind})
            )
            INSERT INTO {self.table} ({kind}, {counts})
            SELECT {kind}, {counts} FROM fresh WHERE NOT EXISTS (
                SELECT FROM {self.table} AS stored
                WHERE {self._is_same_kind} AND {self._has_same_counts}
            )
            ON CONFLICT ({kind}) DO UPDATE SET
                {", ".join(f"{name} = excluded.{name}" for name in self.counts)}
        """  # noqa: S608 - names of this module only

    @property
    def _is_counted(self) -> str:
        return f"day >= coalesce({self.first_day}, '-infinity')"

    @property
    def _is_same_kind(self) -> str:
        """Return the SQL that compares two kinds.

        No id is 0, so NULL can count as 0: PostgreSQL can hash that, unlike IS NOT DISTINCT FROM.
        """
        ids = [f"coalesce(stored.{name}, 0) = coalesce(fresh.{name}, 0)" for name in self.ids]
        names = [f"stored.{name} = fresh.{name}" for name in ("day", *self.names)]
        return " AND ".join([*names, *ids])

    @property
    def _has_same_counts(self) -> str:
        return " AND ".join(f"stored.{name} = fresh.{name}" for name in self.counts)


#: Each report counts on the day on which it came, and on the day on which work on it ended.
REPORTS = Tally(
    table="reports_dayfigures",
    ids=("area_id", "category_id", "department_id"),
    names=("source",),
    counts=("received", "ended", "repaired", "confirmed"),
    events="""
        SELECT (created_at AT TIME ZONE %(zone)s)::date AS day,
            area_id, category_id, department_id, source,
            1 AS received, 0 AS ended, 0 AS repaired, 0 AS confirmed
        FROM reports_report LEFT JOIN reports_cellarea USING (cell)
        UNION ALL
        SELECT (closed_at AT TIME ZONE %(zone)s)::date,
            area_id, category_id, department_id, source,
            0, 1,
            (status IN ('resolved', 'closed'))::int,
            (status IN ('resolved', 'closed') AND confirmed_at IS NOT NULL)::int
        FROM reports_report LEFT JOIN reports_cellarea USING (cell)
        WHERE closed_at IS NOT NULL
    """,
)

#: Each post counts on the day on which it was written, with its tone where that is known.
POSTS = Tally(
    table="reports_postdayfigures",
    ids=("area_id",),
    names=("source_id", "topic"),
    counts=("posts", "scored", "tone"),
    events="""
        SELECT (posted_at AT TIME ZONE %(zone)s)::date AS day, area_id, source_id, topic,
            1 AS posts, (sentiment_score IS NOT NULL)::int AS scored,
            coalesce(round(sentiment_score * 1000), 0)::bigint AS tone
        FROM reports_post WHERE deleted_at IS NULL
    """,
    first_day="(SELECT posts_since FROM reports_cityfigures)",
)
