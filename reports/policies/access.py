"""Who may search for policies, and read what was found."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import User
from jobs.results.sharing import NONE
from reports.models import Department


def may_decide(user: User, department: Department | None) -> bool:
    """Return whether this person may apply policies here: its managers, for the city superusers."""
    if not (user.is_active and user.is_staff):
        return False
    if user.is_superuser:
        return True
    if department is None:
        return False
    return Department.objects.managed_by(user).filter(pk=department.pk).exists()


def decides_somewhere(user: Any) -> bool:
    """Return whether this person manages a department, or is a superuser of the staff."""
    if not (isinstance(user, User) and user.is_active and user.is_staff):
        return False
    return user.is_superuser or Department.objects.managed_by(user).exists()


class MayDiscover(BasePermission):
    """Managers of departments, for these, and superusers."""

    message = "Only managers of a department may search for its policy."

    def has_permission(self, request: Request, view: Any) -> bool:
        return decides_somewhere(request.user)


def shared_results(user: Any) -> Q:
    """Return the results that a manager reads beside their own: those about their departments."""
    if isinstance(user, AnonymousUser):
        return NONE
    slugs = Department.objects.managed_by(user).values_list("slug", flat=True)
    return Q(inputs__department__in=list(slugs))
