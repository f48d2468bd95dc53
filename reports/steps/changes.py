"""What a client reads of a report that changed since they read it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from reports.errors import ReportChanged
from reports.serializers import StatusChangeSerializer
from reports.workflow.roles import roles_in
from reports.workflow.table import STAFF


def members(error: ReportChanged, request: HttpRequest) -> dict[str, Any]:
    """Return the members of the problem document: the present version, and the changes since.

    Only staff of the department read internal changes, and who made them.
    """
    is_desk = bool(roles_in(error.report, request.user) & STAFF)
    shown = [line for line in error.changes if is_desk or line.is_public]
    lines = StatusChangeSerializer(shown, many=True, context={"is_desk": is_desk})
    return {"version": error.report.version, "changes": lines.data}
