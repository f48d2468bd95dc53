"""What an export of the desk's list says of each report: no contact, and nobody's name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.admin.exporting import ExportingAdmin
from reports.desk.choosing import choose, query_of
from reports.models import Report


class ReportExport(ExportingAdmin[Report]):
    """Adds the export of the filtered list of reports."""

    export_forms = ("csv", "json", "geojson")

    def export_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        return choose(request, query_of(request, "p", "all", "e")).reports

    def export_row(self, row: Report) -> dict[str, Any]:
        return {
            "id": str(row.pk),
            "title": row.title,
            "description": row.description,
            "status": row.status,
            "severity": row.severity,
            "category": row.category.slug if row.category else "",
            "department": row.department.slug if row.department else "",
            "crew": str(row.crew or ""),
            "created_at": _moment(row.created_at),
            "due_at": _moment(row.due_at),
            "response_due_at": _moment(row.response_due_at),
            "closed_at": _moment(row.closed_at),
            "is_overdue": row.is_overdue,
            "is_public": row.published_at is not None,
            "address": row.address,
            "latitude": row.latitude,
            "longitude": row.longitude,
            "source": row.source,
            "external_id": row.external_id or "",
        }


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""
