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
    reports = _reports(since, until, [known.pk for known in departments])
    arrived, due, ended, left = ((reports.times - since.timestamp()) / 3600).T
    severity, department_ids, category_ids, cells = reports.numbers.T
    used = _used(departments, department_ids)
    categories = [pk for pk in np.unique(category_ids).tolist() if pk]
    areas, area = _areas(cells)
    neighbour_at, neighbour_of = _neighbours(reports.numbers_of, since, until)
    return History(
        departments=tuple(_department(one, crews, since, until) for one in used),
        categories=tuple(map(str, categories)),
        areas=areas,
        arrived=arrived.copy(),
        severity=severity.astype(np.int32),
        due=np.where(np.isnan(due), arrived + settings.TRIAGE_DEADLINE_HOURS, due),
        department=_positions(department_ids, [one.pk for one in used]),
        category=_positions(category_ids, categories),
        area=area,
        ended=ended.copy(),
        left=left.copy(),
        neighbour_at=neighbour_at,
        neighbour_of=neighbour_of,
        until=(until - since) / HOUR,
    )


def _departments(department: Department | None) -> list[Department]:
    chosen = Department.objects.below(department) if department else Department.objects.all()
    active = Count("crews", filter=Q(crews__is_active=True))
    related = chosen.select_related("parent__parent").annotate(active_crews=active)
    return list(related.order_by("slug"))


def _used(departments: list[Department], ids: NDArray[np.int64]) -> list[Department]:
    """Return the departments whose ids occur among `ids`."""
    occurring = set(np.unique(ids).tolist())
    return [department for department in departments if department.pk in occurring]


class _Reports(NamedTuple):
    """Columns of the reports: times (NaN for none) and numbers, in the order of `_REPORTS`.

    `numbers_of` maps ids of reports that neighbours have too to their positions in the columns.
    """

    times: histories.Floats
    numbers: NDArray[np.int64]
    numbers_of: dict[UUID, int]


def _reports(since: datetime, until: datetime, departments: list[int]) -> _Reports:
    """Return the reports of the period and of these departments; HistoryTooShort if too few."""
    reports = _read_in_chunks(
        {
            "since": since,
            "until": until,
            "departments": departments,
            "severities": list(SEVERITIES),
        }
    )
    if len(reports.times) < REPORTS_MINIMUM:
        raise HistoryTooShort(
            f"The period has {len(reports.times)} reports with a department; at least "
            f"{REPORTS_MINIMUM} are needed."
        )
    return reports


def _read_in_chunks(parameters: dict[str, Any]) -> _Reports:
    """Read the reports so that memory holds a few numbers for each, and few whole rows."""
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
    return _Reports(np.concatenate(times), np.concatenate(numbers), numbers_of)


def _neighbours(
    numbers_of: Mapping[UUID, int], since: datetime, until: datetime
) -> tuple[histories.Floats, histories.Integers]:
    """Return the hours at which neighbours said "me too", and the position of each one's report."""
    rows = fetch(_NEIGHBOURS, {"since": since, "until": until}) if numbers_of else []
    known = [(at, numbers_of[pk]) for pk, at in rows if pk in numbers_of]
    hours = [(at - since.timestamp()) / 3600 for at, _ in known]
    positions = [position for _, position in known]
    return np.array(hours, dtype=np.float64), np.array(positions, dtype=np.int32)


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
    department: Department, crews: Mapping[str, int], since: datetime, until: datetime
) -> histories.Department:
    active: int = getattr(department, "active_crews")  # noqa: B009 - no attribute of the model
    return histories.Department(
        name=department.slug,
        crews=crews.get(department.slug) or max(active, 1),
        spans=_spans(department, since, until + MARGIN),
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
