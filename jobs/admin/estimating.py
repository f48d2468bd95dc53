"""Pages of long lists: few rows are counted, many are estimated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet

#: Counting a million rows takes longer than all the rest of a page.
COUNTED_MAXIMUM = 1_000


class EstimatingPaginator(Paginator[Any]):
    """Pages whose number is exact up to COUNTED_MAXIMUM rows, and beyond it PostgreSQL's estimate.

    An estimate is rounded to two digits, so that nobody takes it for a count.
    """

    is_estimated = False

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list).order_by().values("pk")
        counted = count_up_to(COUNTED_MAXIMUM + 1, rows)
        self.is_estimated = counted > COUNTED_MAXIMUM
        return max(counted, rounded_estimate(rows)) if self.is_estimated else counted


def count_up_to(maximum: int, rows: QuerySet[Any]) -> int:
    """Return how many rows there are, or `maximum` if there are more.

    PostgreSQL plans to read all rows and stops at `maximum`. If it planned for so few, it would
    look through the whole table where it expects many rows and there are none.
    """
    return count_each_up_to(maximum, {"rows": rows})["rows"]


def count_each_up_to(maximum: int, choices: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """Count several choices of rows as `count_up_to` does, by one statement."""
    counts, parts, parameters = dict.fromkeys(choices, 0), {}, []
    for name, rows in choices.items():
        try:
            parts[name], given = rows.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            continue
        parameters += [*given, maximum]
    if parts:
        columns = ", ".join(_COUNT.format(rows=sql) for sql in parts.values())
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns}", parameters)
            counts |= dict(zip(parts, cursor.fetchone(), strict=True))
    return counts


_COUNT = """(
    WITH chosen AS MATERIALIZED ({rows})
    SELECT count(*) FROM (SELECT FROM chosen LIMIT %s) AS counted
)"""


def estimate(rows: QuerySet[Any]) -> int:
    """Return how many rows PostgreSQL expects, by its statistics, without reading them."""
    [plan] = json.loads(rows.explain(format="json"))
    return int(plan["Plan"]["Plan Rows"])


def rounded_estimate(rows: QuerySet[Any]) -> int:
    """Return `estimate`, rounded down to two digits."""
    number = estimate(rows)
    unit: int = 10 ** max(len(str(number)) - 2, 0)
    return number // unit * unit
