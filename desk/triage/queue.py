"""Which reports wait for triage, and in which order."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest

from accounts.models import User
from desk.models import TriageLook
from reports.desk.choosing import choose, query_of
from reports.models import (
    OPEN_STATUSES,
    ModerationCase,
    Report,
    ReportQuerySet,
    Severity,
    Status,
    SubjectKind,
)

LINE_MAXIMUM = 100  # reports that a page is given at once

_RANK = Case(
    *(When(severity=severity, then=Value(-Severity.rank(severity))) for severity in Severity.values)
)


def waiting(user: User) -> ReportQuerySet:
    """Return the new reports of this person's departments that need a decision, in their order.

    What waits for moderation is decided there. The order is that of the policy in force; a report
    without a place yet comes by its severity and deadline.
    """
    cases = ModerationCase.objects.waiting().filter(
        kind=SubjectKind.REPORT, subject_id=OuterRef("pk")
    )
    new = Report.objects.for_staff(user).filter(~Exists(cases), status=Status.NEW)
    return new.order_by(
        F("queue_place__at").asc(nulls_last=True), _RANK, F("due_at").asc(nulls_last=True), "pk"
    )


def filtered(request: HttpRequest) -> ReportQuerySet:
    """Return the open reports of the list that the parameters of this address choose.

    Raises:
        IncorrectLookupParameters, SuspiciousOperation: there are no such parameters.
    """
    chosen = choose(request, query_of(request))
    return chosen.reports.filter(status__in=OPEN_STATUSES)


def line(reports: ReportQuerySet, user: User) -> list[UUID]:
    """Return the ids of the next reports, without those at which somebody else looks now."""
    looked_at = TriageLook.objects.filter(report=OuterRef("pk"), until__gt=Now())
    free = reports.exclude(Exists(looked_at.exclude(by=user)))
    return list(free.values_list("pk", flat=True)[:LINE_MAXIMUM])
