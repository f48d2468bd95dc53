"""Read reports from PostgreSQL as cases."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
from django.conf import settings

from jobs.ledger.database import fetch
from reports.catalogue import working_hours
from reports.catalogue.working_hours import OpeningHoursInvalid
from reports.dates.cases import KINDS, Cases, Names
from reports.dates.model import IsHoliday
from reports.models import ENDED_STATUSES

#: The facts of a case, for `cases_of`. A rejected report and a duplicate were not done: what is
#: known of them is that they were still open when that was decided.
COLUMNS = """
    extract(epoch FROM report.created_at AT TIME ZONE %(zone)s)::float8,
    extract(epoch FROM greatest(coalesce(report.closed_at, statement_timestamp()),
        report.created_at) AT TIME ZONE %(zone)s)::float8,
    report.closed_at IS NOT NULL AND report.status = ANY(%(done)s),
    report.latitude, report.longitude, report.category_id, around.area_id,
    CASE WHEN report.source <> '' THEN report.source
        WHEN report.reporter_id IS NULL THEN 'anonymous' ELSE 'account' END,
    report.department_id, report.severity
"""
COLUMN_COUNT = 10
FROM_REPORTS = "reports_report AS report LEFT JOIN reports_cellarea AS around USING (cell)"
#: What is older says little about how the city works today.
PERIOD = timedelta(days=730)
_COUNT = """
SELECT count(*) FROM reports_report WHERE created_at > statement_timestamp() - %(period)s
"""
# Of many reports a sample, the same each time, so that the whole period is in it.
_HISTORY = f"""
SELECT {COLUMNS} FROM {FROM_REPORTS}
WHERE report.created_at > statement_timestamp() - %(period)s
    AND (hashtext(report.id::text) & 2147483647) %% 10000 < %(share)s
ORDER BY report.created_at, report.id
"""  # noqa: S608 - parts of this module only
_HOLIDAYS = """
SELECT holidays FROM reports_department WHERE holidays <> ''
GROUP BY holidays ORDER BY count(*) DESC, holidays LIMIT 1
"""


def parameters() -> dict[str, Any]:
    """Return the parameters that `COLUMNS` needs."""
    return {"zone": settings.TIME_ZONE, "done": [status.value for status in ENDED_STATUSES]}


def sample(size: int) -> tuple[Cases, Names]:
    """Return about so many reports of the last `PERIOD` as cases, with the names of their facts."""
    [(count,)] = fetch(_COUNT, {"period": PERIOD})
    share = 10_000 * size // max(count, size)
    rows = fetch(_HISTORY, {**parameters(), "period": PERIOD, "share": share})
    names = Names()
    for kind, column in zip(KINDS, _facts_of(rows), strict=True):
        names.learn(kind, column)
    return cases_of(rows, names), names


def cases_of(rows: list[tuple[Any, ...]], names: Names) -> Cases:
    """Return the cases of rows that begin with `COLUMNS`."""
    numbers = np.array(
        [tuple(math.nan if value is None else value for value in row[:5]) for row in rows],
        dtype=np.float64,
    ).reshape(-1, 5)
    codes = {
        kind: names.codes(kind, column) for kind, column in zip(KINDS, _facts_of(rows), strict=True)
    }
    return Cases(
        created=numbers[:, 0],
        ended=numbers[:, 1],
        is_done=numbers[:, 2] > 0,
        latitude=numbers[:, 3],
        longitude=numbers[:, 4],
        **codes,
    )


def _facts_of(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(5, COLUMN_COUNT)]


def holidays() -> IsHoliday:
    """Return the test for the city's holidays: those that most of its departments keep."""
    rows = fetch(_HOLIDAYS, [])
    try:
        return working_hours.holidays_of(rows[0][0] if rows else "")
    except OpeningHoursInvalid:
        return working_hours.holidays_of("")
