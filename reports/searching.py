"""Pages of what a search for words chose, in the order of time, without reading all of it.

Words that many reports have are met soon among the newest ones; of words that few have, the index
of words gives all reports. PostgreSQL does not know which words go together, so it would now and
then read all reports for a few, or many thousands for a page. So the RECENT newest reports are
looked through first. If they hold some of the page, as many more are looked through as it should
take. A page that they do not fill is read from the index of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import CombinedExpression

from jobs.ledger.database import execute, fetch
from reports.models import Report, ReportQuerySet, ReportWords

RECENT, RECENT_MAXIMUM = 5_000, 100_000
#: Up to so many of a search are counted one by one; up to FEW if the newest do not fill a page.
COUNTED, FEW = 1_000, 5_000
MARGIN = 2  # how much wider to look than the rate among the newest lets expect


@dataclass(frozen=True, slots=True)
class Read:
    """Ids of the reports that a search chose, in the order of time: all, or the first ones.

    `at_least` is how many the search chose, or a lower bound of that.
    """

    ids: Sequence[str]
    is_all: bool
    at_least: int


def page(
    matches: ReportQuerySet,
    rows: slice,
    *,
    begins_at: datetime | None = None,
    read: Read | None = None,
) -> list[Report]:
    """Return these rows of the reports that a search (`with_words`) chose.

    If `matches` are the rest of a list whose earlier pages ended at a time, `begins_at` is that
    time. `read` has the ids of `matches` that were read already. Matches that are not ordered by
    time are read by one plain statement.
    """
    if str(matches.query.order_by[0]).lstrip("-") != "created_at":
        return list(matches[rows])
    if read and (read.is_all or rows.stop <= len(read.ids)):
        chosen = read.ids[rows]
    else:
        chosen = [str(pk) for pk in ids(matches, rows, begins_at=begins_at)]
    reports = {str(report.pk): report for report in matches.filter(pk__in=chosen)}
    return [reports[pk] for pk in chosen if pk in reports]


def first_read(matches: ReportQuerySet, *, page_rows: int) -> Read:
    """Read all ids that a search chose; if there are many, only those among the newest reports.

    Up to COUNTED are read, or up to FEW if the newest reports hold less than a page of them.
    """
    recent = _recent_ids(matches)
    if len(recent) > COUNTED:
        return Read(recent, is_all=False, at_least=len(recent))
    maximum = COUNTED if len(recent) >= page_rows else FEW
    chosen = _some(matches, maximum + 1)
    is_all = len(chosen) <= maximum
    return Read(chosen if is_all else recent, is_all=is_all, at_least=len(chosen))


def _recent_ids(matches: ReportQuerySet) -> list[str]:
    """Return the ids of matches among the RECENT first reports, at most one more than COUNTED."""
    is_descending = _is_descending(matches)
    with _in_order_of_time():
        recent = _recent(matches, RECENT, None, is_descending=is_descending)
        if recent is None:
            return []
        chosen = _ordered(recent, F("words__created_at"), is_descending=is_descending)
        return [str(pk) for pk in chosen[: COUNTED + 1]]


def _some(matches: ReportQuerySet, maximum: int) -> list[str]:
    """Return the ids of at most `maximum` matches, whichever, in the order of time."""
    rows = matches.order_by().values_list("words__created_at", "pk")
    try:
        sql, parameters = rows.query.sql_with_params()
    except EmptyResultSet:
        return []
    order = "DESC" if _is_descending(matches) else "ASC"
    [(chosen,)] = fetch(_SOME.format(rows=sql, order=order), (*parameters, maximum))
    return list(chosen or ())


#: PostgreSQL plans it as for all rows, and does not look for them in the order of another index.
#: Texts are read in a fraction of the time that ids of their own type take.
_SOME = """
    WITH chosen(at, id) AS MATERIALIZED ({rows})
    SELECT array_agg(id::text ORDER BY at {order}, id {order})
    FROM (SELECT * FROM chosen LIMIT %s) AS read
"""


def _is_descending(matches: ReportQuerySet) -> bool:
    return str(matches.query.order_by[0]).startswith("-")


def ids(matches: ReportQuerySet, rows: slice, *, begins_at: datetime | None = None) -> list[UUID]:
    """Return the ids of these rows of `matches`, which are ordered by time."""
    is_descending = _is_descending(matches)
    chosen = _among_the_newest(matches, rows, begins_at, is_descending=is_descending)
    if len(chosen) == rows.stop - rows.start:
        return chosen
    # No index has this sum, so PostgreSQL cannot read reports in its order and look for words.
    unindexed = F("words__created_at") + timedelta()
    return list(_ordered(matches, unindexed, is_descending=is_descending)[rows])


def _among_the_newest(
    matches: ReportQuerySet, rows: slice, begins_at: datetime | None, *, is_descending: bool
) -> list[UUID]:
    """Return the ids of those of these rows that are among the RECENT_MAXIMUM first reports."""
    chosen: list[UUID] = []
    window = RECENT
    with _in_order_of_time():
        while window <= RECENT_MAXIMUM:
            recent = _recent(matches, window, begins_at, is_descending=is_descending)
            if recent is None:
                break
            times = F("words__created_at")
            chosen = list(_ordered(recent, times, is_descending=is_descending)[rows])
            if not chosen or len(chosen) == rows.stop - rows.start:
                break
            window *= max(2, MARGIN * rows.stop // (rows.start + len(chosen)))
    return chosen


def _recent(
    matches: ReportQuerySet, window: int, begins_at: datetime | None, *, is_descending: bool
) -> ReportQuerySet | None:
    """Return the matches among the first `window` reports; None if there are no more reports."""
    nearest = ReportWords.objects.order_by(("-" if is_descending else "") + "created_at")
    beyond, within = ("lte", "gte") if is_descending else ("gte", "lte")
    if begins_at is not None:
        nearest = nearest.filter(**{f"created_at__{beyond}": begins_at})
        matches = matches.filter(**{f"words__created_at__{beyond}": begins_at})
    edge = nearest.values_list("created_at", flat=True)[window : window + 1].first()
    return None if edge is None else matches.filter(**{f"words__created_at__{within}": edge})


@contextmanager
def _in_order_of_time() -> Iterator[None]:
    """Make PostgreSQL read reports one by one in their order inside the `with` block.

    It takes an index of words for quick even where a word is in every report; such an index cannot
    be read but into a bitmap.
    """
    is_in_callers = connection.in_atomic_block
    with transaction.atomic():
        execute(_ONE_BY_ONE, ())
        yield
        if is_in_callers:
            execute("SET LOCAL enable_bitmapscan TO DEFAULT", ())
            execute("SET LOCAL max_parallel_workers_per_gather TO DEFAULT", ())


_ONE_BY_ONE = """
    SELECT set_config('enable_bitmapscan', 'off', true),
        set_config('max_parallel_workers_per_gather', '0', true)
"""


def _ordered(
    matches: ReportQuerySet, time: F | CombinedExpression, *, is_descending: bool
) -> QuerySet[Report, UUID]:
    """Return the ids of these reports, ordered by a time and the id."""
    keys = (time, F("words__report"))
    order = (key.desc() if is_descending else key.asc() for key in keys)
    return matches.order_by(*order).values_list("pk", flat=True)
