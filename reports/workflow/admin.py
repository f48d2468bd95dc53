"""The page of crews."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from reports.models import Crew, Department


@admin.register(Crew)
class CrewAdmin(AuditedAdmin[Crew]):
    """Shows managers the crews of their departments, and a superuser all."""

    list_display = ("name", "department", "is_active")
    list_filter = ("is_active", "department")
    list_select_related = ("department",)
    search_fields = ("name", "department__name")
    filter_horizontal = ("members", "categories")
    audited_lists = {"members": "members", "categories": "categories__slug"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Crew]:
        return super().get_queryset(request).filter(department__in=_managed(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the departments that this person manages."""
        if db_field.name == "department":
            kwargs["queryset"] = _managed(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the staff of those departments and of those above them, and all categories."""
        if db_field.name != "members":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        managed = _managed(request).values_list("pk", "parent", "parent__parent")
        line = {pk for row in managed for pk in row if pk is not None}
        staff = User.objects.filter(is_active=True, is_staff=True)
        members = staff.filter(department_memberships__department__in=line)
        kwargs["queryset"] = members.distinct().order_by("name", "pk")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _managed(request).exists()

    def has_view_permission(self, request: HttpRequest, obj: Crew | None = None) -> bool:
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Crew | None = None) -> bool:
        return self._may(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, None)

    def has_delete_permission(self, request: HttpRequest, obj: Crew | None = None) -> bool:
        return False  # It is switched off instead, since reports name it.

    def _may(self, request: HttpRequest, crew: Crew | None) -> bool:
        departments = _managed(request)
        return (departments.filter(pk=crew.department_id) if crew else departments).exists()


def _managed(request: HttpRequest) -> QuerySet[Department]:
    """Return the departments whose crews this person looks after."""
    user = cast("User", request.user)
    if not (user.is_active and user.is_staff):
        return Department.objects.none()
    return Department.objects.all() if user.is_superuser else Department.objects.managed_by(user)
