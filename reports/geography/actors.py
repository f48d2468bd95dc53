"""The task that gives a report an address. `reports.actors` makes it known to the workers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jobs
from reports.geography import geocoder
from reports.models import Report

HOUR = timedelta(hours=1)


# An address is worth having days later. All workers ask one after the other, as fast as the setting
# allows, so an import asks politely, and reports of people go first.
@jobs.actor(
    queue_name="maintenance",
    kind="external",
    delivery="at_least_once",
    outlasts=timedelta(days=3),
    min_backoff=timedelta(seconds=30),
    max_backoff=HOUR,
)
def look_up_address(report_id: str) -> dict[str, Any] | None:
    """Return the address of a report's place with that place; None where none is to be found."""
    report = Report.objects.without_address().filter(pk=report_id).first()
    if report is None:
        return None
    address = geocoder.address_at(report.latitude, report.longitude)
    return {"address": address, "latitude": report.latitude, "longitude": report.longitude}


@look_up_address.record
def record_address(outcome: dict[str, Any] | None, report_id: str) -> None:
    """Store the address, unless the report got one or another place meanwhile."""
    if not outcome or not outcome["address"]:
        return
    same = Report.objects.without_address().filter(
        pk=report_id, latitude=outcome["latitude"], longitude=outcome["longitude"]
    )
    same.update(address=outcome["address"], is_address_looked_up=True)
