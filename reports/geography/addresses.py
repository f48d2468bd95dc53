"""The addresses of reports: which ones the geocoder finds, and when it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Set

from django.conf import settings
from django.db import transaction

import jobs
from jobs.urgency import Urgency
from reports.geography.actors import look_up_address
from reports.models import OPEN_STATUSES, Report

FIELDS = ("address", "is_address_looked_up")
LIMIT = "geocoder"  # all workers together make one call at a time


def look_up(report: Report) -> None:
    """Send the task that finds the report's address, if it has none and there is a geocoder."""
    if settings.GEOCODER and not report.address:
        look_up_address.send_with_options(
            args=(str(report.pk),),
            unique_key=f"address:{report.pk}",
            limit_key=LIMIT,
            limit_count=1,
        )


def look_up_many(reports: Iterable[Report]) -> None:
    """Send the tasks that find the addresses of new reports, as `look_up` for each."""
    if settings.GEOCODER:
        without = [(str(report.pk),) for report in reports if not report.address]
        look_up_address.send_many(without, limit_key=LIMIT, limit_count=1)


def look_up_missing(*, last: int) -> int:
    """Send the tasks for the newest open reports without an address, as bulk work.

    For a city that has just got a geocoder; return how many there are.
    """
    lacking = Report.objects.without_address().filter(status__in=OPEN_STATUSES)
    newest = list(lacking.order_by("-created_at", "-pk").only("pk", "address")[:last])
    with jobs.entering(Urgency.BULK, sender="addresses"), transaction.atomic():
        look_up_many(newest)
    return len(newest)


def follow_place(report: Report, changed: Set[str]) -> None:
    """Drop an address that was looked up for another place; do not save.

    `changed` are the names of the fields that were edited. An address that a person wrote stays
    theirs.
    """
    if "address" in changed:
        report.is_address_looked_up = False
    elif changed & {"latitude", "longitude"} and report.is_address_looked_up:
        report.address, report.is_address_looked_up = "", False
