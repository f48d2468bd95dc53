"""What has changed in a report since somebody read it."""

from __future__ import annotations

from collections.abc import Collection

from reports.errors import ReportChanged
from reports.models import Report, StatusChange

CHANGES_MAXIMUM = 20


def require(report: Report, versions: Collection[int] | None) -> None:
    """Check that a locked report is of a version that somebody read; None stands for any.

    Raises:
        ReportChanged: it is not; the error holds the lines of its history since then.
    """
    if versions is not None and report.version not in versions:
        raise ReportChanged(report, _since(report, max(versions, default=report.version)))


def _since(report: Report, version: int) -> list[StatusChange]:
    """Return the lines of the history after this version, the newest few in order."""
    later = report.history.filter(version__gt=version).select_related("by")
    return list(later.order_by("-at", "-id")[:CHANGES_MAXIMUM])[::-1]
