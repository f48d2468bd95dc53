"""The filters of the list of tasks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from jobs.admin.read_only import ActorFilter, DeclaredFilter, QueueFilter
from jobs.models import Attempt, FirstArgument, first_id_at
from jobs.operations import overview
from jobs.states import State
from jobs.urgency import Urgency


class StateFilter(DeclaredFilter):
    title = _("state")
    parameter_name = "state__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(State.choices)


class UrgencyFilter(DeclaredFilter):
    title = _("urgency")
    parameter_name = "urgency__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(value), label) for value, label in Urgency.choices]


class WorkerFilter(DeclaredFilter):
    """Filters by the process that claimed a task last; one that is gone can be named too."""

    title = _("worker")
    parameter_name = "worker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        alive = [
            (str(worker.id), f"{worker.hostname}:{worker.pid}") for worker in overview.workers()
        ]
        chosen = request.GET.get(self.parameter_name or "")
        known = {key for key, _name in alive}
        return alive if not chosen or chosen in known else [*alive, (chosen, chosen)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(worker_id=UUID(self.value())) if self.value() else queryset


class ErrorFilter(DeclaredFilter):
    """Filters by the kind of a failed attempt, among the newest failures."""

    title = _("error")
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = {kind for _task, kind in _newest_failures().values_list("task", "error_type")}
        return [(kind, kind) for kind in sorted(kinds)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        failures = Attempt.objects.filter(pk__in=_newest_failures().values("pk"))
        return queryset.filter(pk__in=failures.filter(error_type=self.value()).values("task"))


def _newest_failures() -> QuerySet[Attempt]:
    return Attempt.objects.order_by("-pk")[: overview.CAUSE_LIMIT]


class TypedFilter(admin.SimpleListFilter):
    """A filter whose value is typed, so that it has no choices."""

    kind = "text"
    hint: str | Promise = ""

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []


class ArgumentFilter(TypedFilter):
    """Filters by a task's first argument, such as the id of a report, or `report:<id>`."""

    title = _("argument")
    parameter_name = "argument"
    hint = _("An id, such as a report's")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = (self.value() or "").strip()
        if not value:
            return queryset
        if "\0" in value:
            raise ValidationError(_("An argument has no character NUL."))
        values = [value, *(f"{kind}:{value}" for kind in SUBJECTS if ":" not in value)]
        cut = [value[: FirstArgument.CHARACTERS] for value in values]
        tasks = queryset.alias(first_argument=FirstArgument("args"))
        return cast("QuerySet[Any]", tasks.filter(first_argument__in=cut))


#: Kinds of `kind:<id>`, as which tasks about contacts name what they concern.
SUBJECTS = ("report", "user")


class TimeFilter(TypedFilter):
    """Filters by the time of sending, which every task's id holds."""

    kind = "datetime-local"

    def at(self) -> datetime | None:
        """Return the chosen time, in TIME_ZONE where it names no zone.

        Raises:
            ValidationError: the value is no time.
        """
        if not self.value():
            return None
        if self.value() in SPANS:
            return timezone.now() - SPANS[str(self.value())]
        at = parse_datetime(str(self.value()))
        if at is None:
            raise ValidationError(_("%r is not a time.") % self.value())
        return at if timezone.is_aware(at) else timezone.make_aware(at)


#: Spans that links may give instead of a time.
SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


class SinceFilter(TimeFilter):
    title = _("sent since")
    parameter_name = "since"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        at = self.at()
        return queryset if at is None else queryset.filter(pk__gte=first_id_at(at))


class UntilFilter(TimeFilter):
    title = _("sent before")
    parameter_name = "until"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        at = self.at()
        return queryset if at is None else queryset.filter(pk__lt=first_id_at(at))


FILTERS = (
    StateFilter,
    ActorFilter,
    ArgumentFilter,
    QueueFilter,
    WorkerFilter,
    ErrorFilter,
    UrgencyFilter,
    SinceFilter,
    UntilFilter,
)
