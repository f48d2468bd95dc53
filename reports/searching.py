"""Pages of what a search for words chose, in the order of time, without reading all of it.

Words that many reports have are met soon among the newest ones; of words that few have, the index
of words gives all reports. PostgreSQL does not know which words go together, so it would now and
then read all reports for a few, or many thousands for a page. So the RECENT newest reports are
looked through first, and only a page that they do not fill is read from the index of words.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F
from django.db.models.expressions import CombinedExpression

from reports.models import Report, ReportQuerySet, ReportWords

RECENT = 5_000


def page(
    matches: ReportQuerySet, rows: slice, *, begins_at: datetime | None = None
) -> list[Report]:
    """Return these rows of what `with_words` chose; in another order than by time, as it is.

    Where `matches` begin at a time, because earlier pages had what is before it, `begins_at` says
    so.
    """
    order = matches.query.order_by[0]
    if str(order).lstrip("-") != "created_at":
        return list(matches[rows])
    is_descending = str(order).startswith("-")
    recent = _recent(matches, begins_at, is_descending=is_descending)
    if recent is not None:
        found = list(_ordered(recent, F("words__created_at"), is_descending=is_descending)[rows])
        if len(found) == rows.stop - rows.start:
            return found
    # No index has this sum, so PostgreSQL cannot read reports in its order and look for the words.
    unindexed = F("words__created_at") + timedelta()
    return list(_ordered(matches, unindexed, is_descending=is_descending)[rows])


def _recent(
    matches: ReportQuerySet, begins_at: datetime | None, *, is_descending: bool
) -> ReportQuerySet | None:
    """Return those of the RECENT reports that come first; None if there are no others."""
    nearest = ReportWords.objects.order_by(("-" if is_descending else "") + "created_at")
    beyond, within = ("lte", "gte") if is_descending else ("gte", "lte")
    if begins_at is not None:
        nearest = nearest.filter(**{f"created_at__{beyond}": begins_at})
        matches = matches.filter(**{f"words__created_at__{beyond}": begins_at})
    edge = nearest.values_list("created_at", flat=True)[RECENT : RECENT + 1].first()
    return None if edge is None else matches.filter(**{f"words__created_at__{within}": edge})


def _ordered(
    matches: ReportQuerySet, time: F | CombinedExpression, *, is_descending: bool
) -> ReportQuerySet:
    keys = (time, F("words__report"))
    return matches.order_by(*(key.desc() if is_descending else key.asc() for key in keys))
