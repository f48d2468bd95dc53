"""Compute what the city's dashboard shows: the standing of today and the last 90 days."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from jobs.ledger.database import fetch
from reports.figures import dates, expecting, listening
from reports.models import OPEN_STATUSES, Category, ConfirmedBy, Department, Status

PERIOD_DAYS = 90

_STANDING = """
SELECT status, category_id, department_id, count(*),
    count(*) FILTER (WHERE due_at < statement_timestamp())
FROM reports_report GROUP BY status, category_id, department_id
"""
_VOLUMES = """
SELECT count(*) FILTER (WHERE created_at > statement_timestamp() - interval '1 day'),
    count(*) FILTER (WHERE created_at > statement_timestamp() - interval '7 days'),
    count(*) FILTER (WHERE created_at > statement_timestamp() - interval '30 days'),
    count(*) FILTER (WHERE created_at <= statement_timestamp() - interval '30 days')
FROM reports_report WHERE created_at > statement_timestamp() - interval '60 days'
"""
# In each of the following the rows with `is_city` 1 are about the whole city.
_FIRST_RESPONSE = """
SELECT grouping(department_id) AS is_city, department_id, count(*), count(responded_at),
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
        ORDER BY extract(epoch FROM responded_at - created_at)::float
    ),
    count(*) FILTER (WHERE responded_at <= response_due_at),
    count(*) FILTER (WHERE response_due_at IS NOT NULL
        AND (responded_at IS NOT NULL OR response_due_at < statement_timestamp()))
FROM reports_report
WHERE is_live AND created_at > statement_timestamp() - %(days)s * interval '1 day'
GROUP BY GROUPING SETS ((), (department_id))
"""
_REPAIR = """
SELECT grouping(department_id) AS is_city, department_id, count(*),
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
        ORDER BY extract(epoch FROM closed_at - created_at)::float
    ),
    count(*) FILTER (WHERE closed_at <= due_at), count(due_at),
    count(*) FILTER (WHERE status = 'closed')
FROM reports_report
WHERE status IN ('resolved', 'closed')
    AND closed_at > statement_timestamp() - %(days)s * interval '1 day'
GROUP BY GROUPING SETS ((), (department_id))
"""
# The last "yes" of each report that is closed and still counts as confirmed.
_CONFIRMED = """
SELECT grouping(department_id) AS is_city, department_id, source, count(*)
FROM (
    SELECT DISTINCT ON (report.id) report.department_id, given.source
    FROM reports_report AS report
    JOIN reports_confirmation AS given ON given.report_id = report.id AND given.is_fixed
    WHERE report.status = 'closed' AND report.confirmed_at IS NOT NULL
        AND report.closed_at > statement_timestamp() - %(days)s * interval '1 day'
    ORDER BY report.id, given.id DESC
) AS confirmed
GROUP BY GROUPING SETS ((source), (department_id, source))
"""
_ANSWERS = """
SELECT grouping(department_id) AS is_city, department_id, is_fixed, count(*)
FROM reports_confirmation AS given JOIN reports_report AS report ON report.id = given.report_id
WHERE given.source IN ('reporter', 'neighbour')
    AND given.at > statement_timestamp() - %(days)s * interval '1 day'
GROUP BY GROUPING SETS ((is_fixed), (department_id, is_fixed))
"""

#: The whole city, among the keys of departments; reports without a department have None.
CITY = -1
Key = int | None


def compute() -> dict[str, Any]:
    """Return the content of the dashboard, as `serializers.DashboardSerializer` describes it."""
    standing = fetch(_STANDING, [])
    return {
        "period_days": PERIOD_DAYS,
        "reports": _volumes(),
        "forecast": expecting.compute(),
        "dates": dates.compute(
            days=PERIOD_DAYS, statuses=[status.value for status in OPEN_STATUSES]
        ),
        "posts": listening.compute(),
        "by_status": _by_status(standing),
        "by_category": _by_category(standing),
        **_service(standing),
    }


def _volumes() -> dict[str, int]:
    [counts] = fetch(_VOLUMES, [])
    names = ("last_day", "last_7_days", "last_30_days", "previous_30_days")
    return dict(zip(names, counts, strict=True))


def _by_status(standing: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    for status, _, _, count, _ in standing:
        counts[status] += count
    return [{"status": status, "count": counts[status]} for status in Status.values]


def _by_category(standing: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return the open reports and all reports of each category, the most open ones first."""
    still_open: Counter[int | None] = Counter()
    total: Counter[int | None] = Counter()
    for status, category, _, count, _ in standing:
        total[category] += count
        still_open[category] += count if status in OPEN_STATUSES else 0
    names = {category.pk: category for category in Category.objects.only("slug", "name")}
    return [
        {
            "category": names[pk].slug if pk else None,
            "name": names[pk].name if pk else "",
            "open": still_open[pk],
            "total": total[pk],
        }
        for pk in sorted(total, key=lambda pk: (-still_open[pk], -total[pk], pk or 0))
    ]


def _service(standing: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """Return the figures of the service: of the city, and of each department with reports."""
    period = {"days": PERIOD_DAYS}
    still_open, overdue = _open_reports(standing)
    responses = {_key(row): row[2:] for row in fetch(_FIRST_RESPONSE, period)}
    repairs = {_key(row): row[2:] for row in fetch(_REPAIR, period)}
    confirmed = _counted(fetch(_CONFIRMED, period))
    answers = _counted(fetch(_ANSWERS, period))

    def of(key: Key) -> dict[str, Any]:
        return {
            "open": still_open[key],
            "overdue": overdue[key],
            "first_response": _first_response(responses.get(key)),
            "repair": _repair(repairs.get(key), overdue[key]),
            "confirmed_repairs": _confirmed(repairs.get(key), confirmed[key]),
            "satisfaction": _satisfaction(answers[key]),
        }

    keys = {*still_open, *responses, *repairs} - {CITY, None}
    departments = Department.objects.filter(pk__in=keys).order_by("name").only("slug", "name")
    return {
        "city": of(CITY),
        "by_department": [
            {"department": department.slug, "name": department.name, **of(department.pk)}
            for department in departments
        ],
    }


def _key(row: tuple[Any, ...]) -> Key:
    is_city, department, *_ = row
    return CITY if is_city else department


def _open_reports(standing: Iterable[tuple[Any, ...]]) -> tuple[Counter[Key], Counter[Key]]:
    """Count the open reports, and those of them that are overdue."""
    still_open: Counter[Key] = Counter()
    overdue: Counter[Key] = Counter()
    for status, _, department, count, late in standing:
        if status in OPEN_STATUSES:
            for key in (CITY, department):
                still_open[key] += count
                overdue[key] += late
    return still_open, overdue


def _counted(rows: Iterable[tuple[Any, ...]]) -> dict[Key, dict[Any, int]]:
    counts: dict[Key, dict[Any, int]] = defaultdict(dict)
    for row in rows:
        counts[_key(row)][row[2]] = row[3]
    return counts


def _first_response(row: tuple[Any, ...] | None) -> dict[str, Any]:
    received, answered, percentiles, in_time, judged = row or (0, 0, None, 0, 0)
    return {
        "answered": answered,
        "unanswered": received - answered,
        **_hours(percentiles),
        "in_time": _share(in_time, judged),
    }


def _repair(row: tuple[Any, ...] | None, overdue: int) -> dict[str, Any]:
    """Return how soon reports were repaired; an overdue one has missed its deadline already."""
    repaired, percentiles, in_time, with_deadline, _ = row or (0, None, 0, 0, 0)
    return {
        "repaired": repaired,
        **_hours(percentiles),
        "in_time": _share(in_time, with_deadline + overdue),
    }


def _confirmed(row: tuple[Any, ...] | None, by: dict[Any, int]) -> dict[str, Any]:
    closed, confirmed = row[-1] if row else 0, sum(by.values())
    return {
        "closed": closed,
        "confirmed": confirmed,
        "share": _share(confirmed, closed),
        "by": {source: by.get(source, 0) for source in ConfirmedBy.values},
    }


def _satisfaction(answers: dict[Any, int]) -> dict[str, Any]:
    yes, no = answers.get(True, 0), answers.get(False, 0)
    return {"yes": yes, "no": no, "share": _share(yes, yes + no)}


def _hours(percentiles: list[float] | None) -> dict[str, float | None]:
    median, high = percentiles or (None, None)
    return {"median_hours": _in_hours(median), "p90_hours": _in_hours(high)}


def _in_hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 2)


def _share(part: int, whole: int) -> float | None:
    """Return a share from 0 to 1; None of nothing."""
    return round(part / whole, 4) if whole else None
