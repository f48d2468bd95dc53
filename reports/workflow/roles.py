"""The roles in which a person may take steps with a report."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef

from accounts.models import User
from reports.models import Department, Report, Role

#: The strongest first: a step is noted with the strongest role that may take it.
_RANKED = (Role.SYSTEM, Role.SUPERUSER, Role.MANAGER, Role.CLERK, Role.REPORTER)


def roles_in(
    report: Report, user: User | AnonymousUser, *, tracking_token: str = ""
) -> frozenset[str]:
    """Return the roles that this user, or the holder of this tracking token, has in a report."""
    roles: set[str] = set()
    if report.is_own(user, tracking_token=tracking_token):
        roles.add(Role.REPORTER)
    if isinstance(user, User) and user.is_active and user.is_staff:
        roles |= _of_staff(report, user)
    return frozenset(roles)


def _of_staff(report: Report, user: User) -> set[str]:
    if user.is_superuser:
        return {Role.SUPERUSER}
    if report.department_id is None:
        return set()
    managed = Department.objects.managed_by(user).filter(pk=OuterRef("pk"))
    here = Department.objects.worked_in_by(user).filter(pk=report.department_id)
    manages = here.annotate(manages=Exists(managed)).values_list("manages", flat=True).first()
    if manages is None:
        return set()
    return {Role.MANAGER, Role.CLERK} if manages else {Role.CLERK}


def strongest(roles: frozenset[str]) -> str:
    """Return the strongest of these roles, or "" if there is none."""
    return next((role for role in _RANKED if role in roles), "")
