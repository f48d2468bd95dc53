"""Read the history of the city's reports from its append-only table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import h3.api.basic_int as h3
import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q
from numpy.typing import NDArray

from jobs.ledger.database import fetch
from reports.errors import HistoryTooShort
from reports.models import Area, CellArea, Department
from reports.policies import history as histories
from reports.policies.history import History
from reports.policies.hours import Span
from reports.policies.rules import SEVERITIES

HOUR = timedelta(hours=1)
#: The fewest reports from which anything can be learned.
REPORTS_MINIMUM = 100
#: Beyond the end of the history crews work on, to do what is left.
MARGIN = timedelta(days=366)
#: Where the city has no named areas, hexagons of about 5 km² stand for them.
HEXAGON_RESOLUTION = 7
# What was imported has its end in the report alone.
_REPORTS = """
SELECT extract(epoch FROM report.created_at)::float8,
    extract(epoch FROM report.due_at)::float8,
    extract(epoch FROM coalesce(events.ended,
        CASE WHEN report.status IN ('resolved', 'closed') AND events.gone IS NULL
             THEN report.closed_at END))::float8,
    extract(epoch FROM coalesce(events.gone,
        CASE WHEN report.status IN ('rejected', 'duplicate') AND events.ended IS NULL
             THEN coalesce(report.closed_at, report.updated_at) END))::float8,
    array_position(%(severities)s::text[], report.severity::text) - 1,
    report.department_id, coalesce(report.category_id, 0), coalesce(report.cell, 0),
    CASE WHEN EXISTS (SELECT FROM reports_metoo WHERE report_id = report.id) THEN report.id END
FROM (
    SELECT report_id,
        min(at) FILTER (WHERE kind <> 'arrival' AND kind <> 'withdraw'
            AND to_status IN ('resolved', 'closed')) AS ended,
        min(at) FILTER (WHERE kind <> 'arrival'
            AND (to_status IN ('rejected', 'duplicate') OR kind = 'withdraw')) AS gone
    FROM reports_cityevent WHERE stands AND at < %(until)s GROUP BY report_id
) AS events JOIN reports_report AS report ON report.id = events.report_id
WHERE report.created_at >= %(since)s AND report.created_at < %(until)s
    AND report.department_id = ANY(%(departments)s)
ORDER BY report.created_at, report.id
"""
_TIMES, _NUMBERS = slice(0, 4), slice(4, 8)
#: So many reports are in memory as rows at once; the others as numbers.
CHUNK_REPORTS = 10_000
_NEIGHBOURS = """
SELECT report_id, extract(epoch FROM at)::float8 FROM reports_metoo
WHERE at >= %(since)s AND at < %(until)s ORDER BY at, id
"""


def read(
    *, since: datetime, until: datetime, department: Department | None, crews: Mapping[str, int]
) -> History:
    """Return the history of a period, of a department with those below it or of the whole city.

    Severity, category, department and deadline of a report are those of today. Reports without a
    department are left out. `crews` has numbers of crews by the slug of a department; for others
    the active crews count, and one where there are none.

    Raises:
        HistoryTooShort: there are too few reports.
    """
    departments = _departments(department)
    read = _reports(
        {
            "since": since,
            "until": until,
            "departments": [one.pk for one in departments],
            "severities": list(SEVERITIES),
        }
    )
    if len(read.times) < REPORTS_MINIMUM:
        raise HistoryTooShort(
            f"The period has {len(read.times)} reports with a department; at least "
            f"{REPORTS_MINIMUM} are needed."
        )
    hours = (read.times - since.timestamp()) / 3600
    arrived, due, ended, left = hours.T
    severity, of_department, category, cell = read.numbers.T
    used = [one for one in departments if one.pk in set(np.unique(of_department).tolist())]
    areas, area = _areas(cell)
    categories = [one for one in np.unique(category).tolist() if one]
    neighbours = _neighbours(read.numbers_of, since, until)
    return History(
        departments=tuple(_department(one, crews, since, until) for one in used),
        categories=tuple(map(str, categories)),
        areas=areas,
        arrived=arrived.copy(),
        severity=severity.astype(np.int32),
        due=np.where(np.isnan(due), arrived + settings.TRIAGE_DEADLINE_HOURS, due),
        department=_positions(of_department, [one.pk for one in used]),
        category=_positions(category, categories),
        area=area,
        ended=ended.copy(),
        left=left.copy(),
        neighbour_at=np.array([at for at, _ in neighbours], dtype=np.float64),
        neighbour_of=np.array([number for _, number in neighbours], dtype=np.int32),
        until=(until - since) / HOUR,
    )


def _departments(department: Department | None) -> list[Department]:
    chosen = Department.objects.below(department) if department else Department.objects.all()
    active = Count("crews", filter=Q(crews__is_active=True))
    related = chosen.select_related("parent__parent").annotate(active_crews=active)
    return list(related.order_by("slug"))


class Read(NamedTuple):
    """Reports as they were read: columns of times (NaN for none) and of numbers.

    `numbers_of` has the numbers of those that neighbours have too, by their ids.
    """

    times: histories.Floats
    numbers: NDArray[np.int64]
    numbers_of: dict[UUID, int]


def _reports(parameters: dict[str, Any]) -> Read:
    """Read the reports in chunks, so that memory holds a few numbers for each."""
    times, numbers = [np.empty((0, 4))], [np.empty((0, 4), dtype=np.int64)]
    numbers_of: dict[UUID, int] = {}
    count = 0
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_REPORTS, parameters)
        while rows := cursor.fetchmany(CHUNK_REPORTS):
            times.append(np.array([row[_TIMES] for row in rows], dtype=np.float64))
            numbers.append(np.array([row[_NUMBERS] for row in rows], dtype=np.int64))
            numbers_of |= {row[8]: count + at for at, row in enumerate(rows) if row[8]}
            count += len(rows)
    return Read(np.concatenate(times), np.concatenate(numbers), numbers_of)


def _neighbours(
    numbers_of: Mapping[UUID, int], since: datetime, until: datetime
) -> list[tuple[float, int]]:
    """Return when somebody said to have a problem too, in hours, and the number of its report."""
    if not numbers_of:
        return []
    rows = fetch(_NEIGHBOURS, {"since": since, "until": until})
    begin = since.timestamp()
    return [((at - begin) / 3600, numbers_of[pk]) for pk, at in rows if pk in numbers_of]


def _positions(values: NDArray[np.int64], known: Sequence[int]) -> histories.Integers:
    """Return the position of each value in the list; -1 for those that are not in it."""
    order = np.argsort(np.array(known, dtype=np.int64))
    ordered = np.array(known, dtype=np.int64)[order]
    if not len(ordered):
        return np.full(len(values), -1, dtype=np.int32)
    near = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.where(ordered[near] == values, order[near], -1).astype(np.int32)


def _areas(cells: NDArray[np.int64]) -> tuple[tuple[str, ...], histories.Integers]:
    """Return the names of the areas, and the position of each report's; -1 where it has none."""
    distinct, place = np.unique(cells, return_inverse=True)
    names = dict(Area.objects.order_by("name").values_list("pk", "name"))
    of_cell = dict(CellArea.objects.values_list("cell", "area")) if names else {}
    labels = [
        None if not cell else names.get(of_cell.get(cell) or 0) if names else _hexagon(cell)
        for cell in distinct.tolist()
    ]
    known = sorted({label for label in labels if label is not None})
    positions = {label: number for number, label in enumerate(known)}
    of_distinct = [-1 if label is None else positions[label] for label in labels]
    return tuple(known), np.array(of_distinct, dtype=np.int32)[place]


def _hexagon(cell: int) -> str:
    return f"{h3.cell_to_parent(cell, HEXAGON_RESOLUTION):x}"


def _department(
    one: Department, crews: Mapping[str, int], since: datetime, until: datetime
) -> histories.Department:
    active: int = getattr(one, "active_crews")  # noqa: B009 - no attribute of the model
    return histories.Department(
        name=one.slug,
        crews=crews.get(one.slug) or max(active, 1),
        spans=_spans(one, since, until + MARGIN),
    )


def _spans(department: Department, since: datetime, until: datetime) -> tuple[Span, ...]:
    """Return when the department works, in hours since the history began; nothing if always."""
    calendar = department.calendar()
    if calendar is None:
        return ()
    begin = since.astimezone(UTC)
    return tuple(
        (max((opens - begin) / HOUR, 0.0), (closes - begin) / HOUR)
        for opens, closes in calendar.between(since, until)
        if closes > begin
    )
