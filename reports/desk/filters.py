"""The filters beside the desk's list of reports."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from jobs.ledger import database
from reports import filters
from reports.models import OPEN_STATUSES, Crew, PatternFinding, Report, ReportQuerySet

SOON = timedelta(hours=24)
YES_OR_NO: list[tuple[str, Any]] = [("yes", _("Yes")), ("no", _("No"))]


class ReportFilter(admin.SimpleListFilter):
    """A filter of reports; `chosen` maps each of its values to the reports that it chooses."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        reports = cast("ReportQuerySet", queryset)
        return self.chosen(reports, str(self.value() or ""), cast("User", request.user))

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        """Return the reports that a value chooses; all for a value that there is not."""
        raise NotImplementedError


class PatternFilter(ReportFilter):
    """Shows the reports of one pattern, to which its page links; otherwise it is not offered."""

    title = _("pattern")
    parameter_name = "pattern"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = request.GET.get(self.parameter_name)
        finding = PatternFinding.objects.filter(pk=UUID(value)).first() if value else None
        return [(str(finding.pk), str(finding))] if finding else []

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        finding = PatternFinding.objects.filter(pk=UUID(value)).first() if value else None
        return reports.filter(pk__in=finding.concerned().values("pk")) if finding else reports


class StateFilter(ReportFilter):
    """Filters reports by whether work on them has ended."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", gettext("Open")), ("done", gettext("Done"))]

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        match value:
            case "open":
                return reports.filter(status__in=OPEN_STATUSES)
            case "done":
                return reports.exclude(status__in=OPEN_STATUSES)
        return reports


class DeadlineFilter(ReportFilter):
    """Filters open reports by their deadline: passed, or near."""

    title = _("deadline")
    parameter_name = "deadline"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("overdue", gettext("Overdue")),
            ("soon", gettext("Within 24 hours")),
            ("answer", gettext("First answer overdue")),
        ]

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        match value:
            case "overdue":
                return reports.overdue()
            case "soon":
                now = database.now()
                return reports.overdue(now + SOON).filter(due_at__gte=now)
            case "answer":
                return reports.answer_overdue()
        return reports


class QueueFilter(ReportFilter):
    """Chooses the open reports that wait, in the order of the policy of triage in force."""

    title = _("queue")
    parameter_name = "queue"
    ordered = "ordered"
    #: The order of the list while this value is chosen.
    ordering = ("queue_place__at", "queue_place__report")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.ordered, gettext("In the order of the policy"))]

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        return reports.in_queue() if value == self.ordered else reports


class AssignmentFilter(ReportFilter):
    """Filters reports by who works on them."""

    title = _("assignment")
    parameter_name = "assigned"
    own = "own"
    #: The order of the list while this value is chosen.
    ordering = ("due_at", "id")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (self.own, gettext("Open, mine and my crews'")),
            ("mine", gettext("Assigned to me")),
            ("my-crews", gettext("My crews")),
            ("nobody", gettext("Nobody yet, open")),
        ]

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        match value:
            case self.own:
                return reports.open_for(user)
            case "mine":
                return reports.assigned_to(user)
            case "my-crews":
                return reports.assigned_to_crews_of(user)
            case "nobody":
                return reports.unassigned()
        return reports


class CrewFilter(ReportFilter):
    """Filters reports by the crew that works on them: those of the departments of the reader."""

    title = _("crew")
    parameter_name = "crew"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        crews = Crew.objects.for_staff(cast("User", request.user)).select_related("department")
        return [(str(crew.pk), f"{crew}, {crew.department}") for crew in crews]

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        return reports.filter(crew=int(value)) if value.isdecimal() else reports


class PhotoFilter(ReportFilter):
    """Filters reports by whether they have a photo."""

    title = _("photo")
    parameter_name = "photo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return YES_OR_NO

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        is_known = value in dict(YES_OR_NO)
        return filters.with_photo(reports, value == "yes") if is_known else reports


class ConfirmationFilter(ReportFilter):
    """Filters reports by whether their repair was confirmed."""

    title = _("confirmed repair")
    parameter_name = "confirmed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return YES_OR_NO

    def chosen(self, reports: ReportQuerySet, value: str, user: User) -> ReportQuerySet:
        if value not in dict(YES_OR_NO):
            return reports
        return reports.filter(confirmed_at__isnull=value == "no")
