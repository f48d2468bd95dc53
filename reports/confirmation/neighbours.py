"""Who else can confirm a repair: citizens who reported the same, or are at the place."""

from __future__ import annotations

from typing import NamedTuple

import h3.api.basic_int as h3

from accounts.models import User
from reports.models import MeToo, Report, merged_into

NEAR_METRES = 200


class Position(NamedTuple):
    """Where somebody says to be, in degrees (WGS 84)."""

    latitude: float
    longitude: float


def is_neighbour(user: User, report: Report, position: Position | None) -> bool:
    """Return whether this user may confirm the repair although somebody else reported the problem.

    It is enough to have a report that was merged into this one, to have said "me too", or to be
    within NEAR_METRES of the place. Staff cannot confirm what staff repaired.
    """
    if user.is_staff:
        return False
    if MeToo.objects.filter(report=report, user=user).exists():
        return True
    if any(duplicate.reporter_id == user.pk for duplicate in merged_into(report)):
        return True
    if position is None:
        return False
    place = (report.latitude, report.longitude)
    return float(h3.great_circle_distance(position, place, unit="m")) <= NEAR_METRES
