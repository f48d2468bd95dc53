"""Take one step with many reports, each for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.db import transaction

from accounts.models import User
from reports.errors import ReportsError
from reports.models import Report
from reports.steps import taking
from reports.steps.taking import Step
from reports.workflow.roles import roles_in

BULK_MAXIMUM = 100
UNKNOWN = "There is no such report, or none that you may read."


@dataclass(frozen=True, slots=True)
class Target:
    """A report, and the version of it that somebody read."""

    id: UUID
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of the step with one report; `refusal` is empty if it was taken."""

    id: UUID
    refusal: str
    status: str | None = None
    version: int | None = None

    @property
    def is_taken(self) -> bool:
        return not self.refusal


def take_each(targets: Sequence[Target], step: Step) -> list[Result]:
    """Take the step with each report; return what came of each, in the order of `targets`.

    A report that is named twice gets the step once. Reports are taken in the order of their ids, so
    that two callers with the same reports never wait for each other in a circle.
    """
    by_id = {target.id: target for target in targets}
    by = cast("User", step.by)
    readable = Report.objects.visible_to(by).with_related().in_bulk(list(by_id))
    results = {
        pk: _take(readable[pk], by_id[pk], step) if pk in readable else Result(pk, UNKNOWN)
        for pk in sorted(by_id)
    }
    return [results[pk] for pk in by_id]


def _take(report: Report, target: Target, step: Step) -> Result:
    versions = None if target.version is None else {target.version}
    try:
        with transaction.atomic():
            roles = roles_in(report, cast("User", step.by))
            taking.take(report, step, roles=roles, versions=versions)
    except ReportsError as error:
        return Result(report.pk, str(error), report.status, report.version)
    report.refresh_from_db(fields=["status", "version"])
    return Result(report.pk, "", report.status, report.version)
