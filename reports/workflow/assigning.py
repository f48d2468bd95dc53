"""The people and crews to whom a report can be assigned."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import User
from reports.models import Crew, Department, Report


def can_be_assigned(assignee: User | Crew, report: Report) -> bool:
    """Return whether this person or crew may work on the report."""
    if isinstance(assignee, Crew):
        return crews_for(report).filter(pk=assignee.pk).exists()
    return people_for(report).filter(pk=assignee.pk).exists()


def people_for(report: Report) -> QuerySet[User]:
    """Return the active staff of the report's department and of those above it, by name."""
    staff = User.objects.filter(is_active=True, is_staff=True)
    members = Q(department_memberships__department__in=_line(report.department))
    return staff.filter(members).distinct().order_by("name", "pk")


def crews_for(report: Report) -> QuerySet[Crew]:
    """Return the active crews of the report's department and of those above it."""
    return Crew.objects.filter(is_active=True, department__in=_line(report.department))


def _line(department: Department | None) -> list[Department]:
    return department.line() if department else []
