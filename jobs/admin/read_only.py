"""What the operators' lists share: rows that nobody edits, and filters by declared names."""

from __future__ import annotations

from typing import Any, TypeVar

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from dramatiq import get_broker

from jobs.admin.estimating import EstimatingPaginator
from jobs.admin.selecting import SelectingAdmin

M = TypeVar("M", bound=Model)


class ReadOnlyAdmin(SelectingAdmin[M]):
    """Shows rows that only the program writes; an edit by hand would bypass its rules."""

    show_full_result_count = False
    paginator = EstimatingPaginator

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


class DeclaredFilter(admin.SimpleListFilter):
    """Filters by names that the program declares.

    Asking the ledger for the distinct names in it would read all of it.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return (
            queryset.filter(**{str(self.parameter_name): self.value()})
            if self.value()
            else queryset
        )


class QueueFilter(DeclaredFilter):
    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in settings.JOBS_QUEUES]


class ActorFilter(DeclaredFilter):
    title = _("actor")
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(get_broker().get_declared_actors())]
