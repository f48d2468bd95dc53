"""The columns of an imported report, and their names in other systems."""

from __future__ import annotations

from collections.abc import Mapping

from reports.models import Status

FIELDS = (
    "external_id",
    "title",
    "description",
    "latitude",
    "longitude",
    "address",
    "category",
    "severity",
    "status",
    "created_at",
    "closed_at",
)

_SEECLICKFIX = {
    "external_id": "id",
    "title": "summary",
    "description": "desc",
    "latitude": "lat",
    "longitude": "lng",
}
_OPEN311 = {
    "external_id": "service_request_id",
    "latitude": "lat",
    "longitude": "long",
    "category": "service_code",
    "created_at": "requested_datetime",
    "closed_at": "updated_datetime",
}
#: Format → field → column, where they differ. Whether a file is CSV, JSON or XML is detected.
FORMATS: Mapping[str, Mapping[str, str]] = {
    "csv": {},
    "geojson": {"external_id": "id"},
    "seeclickfix": _SEECLICKFIX,
    "seeclickfix-csv": _SEECLICKFIX,
    "open311": _OPEN311,
    "open311-json": _OPEN311,
    "open311-xml": _OPEN311,
}

#: The names that other systems give to the statuses.
STATUSES: Mapping[str, str] = {
    **{status: status for status in Status.values},
    "open": Status.NEW,
    "acknowledged": Status.TRIAGED,
    "in progress": Status.IN_PROGRESS,
    "fixed": Status.RESOLVED,
    "archived": Status.CLOSED,
}
