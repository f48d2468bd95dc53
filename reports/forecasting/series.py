"""The history of arrivals as arrays: the city, each category, each area, and each pair of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from django.conf import settings

from jobs.ledger.database import fetch
from reports.forecasting.methods import Counts

#: Category and area; None stands for all of them.
Key = tuple[int | None, int | None]

_TODAY = "SELECT (statement_timestamp() AT TIME ZONE %s)::date"
# Reports without a category or an area count in the sums above them alone.
_COUNTS = """
SELECT category_id, area_id, day, sum(received)::int FROM reports_dayfigures
WHERE day >= %(since)s AND day < %(until)s AND received > 0
GROUP BY GROUPING SETS ((day), (category_id, day), (area_id, day), (category_id, area_id, day))
HAVING (grouping(category_id) = 1 OR category_id IS NOT NULL)
    AND (grouping(area_id) = 1 OR area_id IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Series:
    """Series of one kind, such as those of the categories, over the same days.

    Args:
        kind: `city`, `category`, `area` or `category and area`.
        keys: what each row is about.
        history: reports received; a row for each key, a column for each day from `since` on.
    """

    kind: str
    keys: list[Key]
    history: Counts


def today() -> date:
    """Return the day in the city's time zone, by the database's clock."""
    day: date = fetch(_TODAY, (settings.TIME_ZONE,))[0][0]
    return day


def read(until: date, history_days: int) -> list[Series]:
    """Return the series of each kind that has any, for the days before `until`.

    They begin at most `history_days` before, and not before the first report.
    """
    rows = fetch(_COUNTS, {"since": until - timedelta(days=history_days), "until": until})
    if not rows:
        return []
    since = min(day for _, _, day, _ in rows)
    return list(_by_kind(rows, since, (until - since).days))


def _by_kind(
    rows: list[tuple[int | None, int | None, date, int]], since: date, days: int
) -> Iterator[Series]:
    counts: dict[str, dict[Key, Counts]] = {}
    for category, area, day, received in rows:
        of_kind = counts.setdefault(_kind((category, area)), {})
        history = of_kind.setdefault((category, area), np.zeros(days))
        history[(day - since).days] = received
    for kind in ("city", "category", "area", "category and area"):
        if kind in counts:
            keys = sorted(counts[kind], key=lambda key: (key[0] or 0, key[1] or 0))
            yield Series(kind, keys, np.array([counts[kind][key] for key in keys]))


def _kind(key: Key) -> str:
    category, area = key
    if category and area:
        return "category and area"
    return "category" if category else "area" if area else "city"
