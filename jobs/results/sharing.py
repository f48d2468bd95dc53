"""Conditions for the `shared_with` of job types: which kept results others may read."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

# An empty Q would be dropped from the condition that it is joined to.
ALL, NONE = Q(pk__isnull=False), Q(pk__isnull=True)


def with_staff(user: AbstractBaseUser | AnonymousUser) -> Q:
    """Return the condition that shares all results with the whole staff, and none with others."""
    return ALL if getattr(user, "is_staff", False) else NONE
