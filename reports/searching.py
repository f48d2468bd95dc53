"""Pages of what a search for words chose, in the order of time, without reading all of it.

Words that many reports have are met soon among the newest ones; of words that few have, the index
of words gives all reports. PostgreSQL does not know which words go together, so it would now and
then read all reports for a few, or many thousands for a page. So the RECENT newest reports are
looked through first. If they hold some of the page, as many more are looked through as it should
take. A page that they do not fill is read from the index of words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import CombinedExpression

from jobs.ledger.database import execute
from reports.models import Report, ReportQuerySet, ReportWords

RECENT, RECENT_MAXIMUM = 5_000, 100_000
MARGIN = 2  # how much wider to look than the rate among the newest lets expect


def page(
    matches: ReportQuerySet, rows: slice, *, begins_at: datetime | None = None
) -> list[Report]:
    """Return these rows of what `with_words` chose; in another order than by time, as it is.

    Where `matches` begin at a time, because earlier pages had what is before it, `begins_at` says
    so.
    """
    if str(matches.query.order_by[0]).lstrip("-") != "created_at":
        return list(matches[rows])
    chosen = ids(matches, rows, begins_at=begins_at)
    reports = {report.pk: report for report in matches.filter(pk__in=chosen)}
    return [reports[pk] for pk in chosen if pk in reports]


def ids(matches: ReportQuerySet, rows: slice, *, begins_at: datetime | None = None) -> list[UUID]:
    """Return the ids of these rows of what `with_words` chose, which is ordered by time."""
    is_descending = str(matches.query.order_by[0]).startswith("-")
    chosen = _among_the_newest(matches, rows, begins_at, is_descending=is_descending)
    if len(chosen) == rows.stop - rows.start:
        return chosen
    # No index has this sum, so PostgreSQL cannot read reports in its order and look for words.
    unindexed = F("words__created_at") + timedelta()
    return list(_ordered(matches, unindexed, is_descending=is_descending)[rows])


def _among_the_newest(
    matches: ReportQuerySet, rows: slice, begins_at: datetime | None, *, is_descending: bool
) -> list[UUID]:
    """Return the ids of these rows as far as they are met among the newest reports."""
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
    """Return those among so many reports that come first; None if there are no others."""
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
