"""Who reads a page of the desk: a person who works on reports, or who looks after tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import User
from reports.models import Department, Report, ReportQuerySet, works_on_reports


def handles_reports(request: HttpRequest) -> bool:
    """Return whether the reader works on reports: in a department, or as a superuser."""
    return works_on_reports(request.user)


@dataclass(frozen=True, slots=True)
class Scope:
    """The reports on which a member of staff works: those of departments, or all with None."""

    user: User
    departments: tuple[int, ...] | None

    @property
    def handles_reports(self) -> bool:
        return self.departments is None or bool(self.departments)

    def reports(self) -> ReportQuerySet:
        """Return the same reports as `for_staff`, by the departments' numbers.

        PostgreSQL knows of numbers how many reports they have, and plans better.
        """
        everything = Report.objects.all()
        if self.departments is None:
            return everything
        return everything.filter(department__in=self.departments)


def scope_of(request: HttpRequest) -> Scope:
    """Return the reports on which the reader works."""
    user = cast("User", request.user)
    if user.is_superuser:
        return Scope(user, None)
    if not works_on_reports(user):
        return Scope(user, ())
    departments = Department.objects.worked_in_by(user).order_by()
    return Scope(user, tuple(departments.values_list("pk", flat=True)))


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    """Return whether the reader may open the list of a table, as the table's own pages decide."""
    try:
        return bool(admin.site.get_model_admin(model).has_view_permission(request))
    except NotRegistered:
        return False
