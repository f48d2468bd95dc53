"""What the map's answers say of reports and of clusters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.text import Truncator

from desk.map.clusters import Cluster
from reports.desk.columns import short_time
from reports.models import OPEN_STATUSES, Report, ReportQuerySet

TITLE_CHARACTERS = 80


def with_shown(chosen: ReportQuerySet) -> ReportQuerySet:
    """Read of these reports no more than their markers show, the newest first."""
    related = chosen.select_related(None).select_related("category", "department")
    fields = ("title", "status", "severity", "latitude", "longitude", "due_at", "created_at")
    named = related.defer(None).only(*fields, "category__name", "department__name")
    return named.order_by("-created_at", "-id")


def reports(chosen: Iterable[Report]) -> list[dict[str, Any]]:
    """Return the reports as markers, each with what its popup and its row in the table say."""
    return [_marker(report) for report in chosen]


def _marker(report: Report) -> dict[str, Any]:
    is_open = report.status in OPEN_STATUSES
    return {
        "id": str(report.pk),
        "latitude": report.latitude,
        "longitude": report.longitude,
        "title": Truncator(report.title).chars(TITLE_CHARACTERS),
        "status": report.status,
        "status_label": str(report.get_status_display()),
        "severity": report.severity,
        "severity_label": str(report.get_severity_display()),
        "is_open": is_open,
        "is_overdue": report.is_overdue,
        "due": short_time(report.due_at) if is_open and report.due_at else "",
        "created": short_time(report.created_at),
        "category": str(report.category or ""),
        "department": str(report.department or ""),
        "url": reverse("admin:reports_report_change", args=[report.pk]),
    }


def cluster(counted: Cluster) -> dict[str, Any]:
    """Return a cluster with its mean place and its box, as [west, south, east, north]."""
    return {
        "latitude": round(counted.latitude, 6),
        "longitude": round(counted.longitude, 6),
        "count": counted.count,
        "overdue": counted.overdue,
        "box": [round(degrees, 6) for degrees in counted.box],
    }
