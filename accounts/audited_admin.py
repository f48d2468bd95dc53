"""Admin pages that record every addition, change and deletion in the audit log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.models import User
from jobs.admin import SelectingAdmin

M = TypeVar("M", bound=Model)
Values = dict[str, Any]

#: Fields whose values stay out of the log; only that they changed is written.
SECRET = {"password"}


class AuditedAdmin(SelectingAdmin[M]):
    """Record the values before and after a change, in the transaction that makes it."""

    #: Names of lists that belong to a row, and the lookup that gives their entries.
    audited_lists: ClassVar[Mapping[str, str]] = {}

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        self.remember(request, obj)
        super().save_model(request, obj, form, change)

    def remember(self, request: HttpRequest, obj: M) -> None:
        """Store the values on the request before the form changes them."""
        request.audited_before = self.values_of(obj)  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: M, message: Any) -> Any:
        self._record(request, obj, "added", {}, self.values_of(obj))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: M, message: Any) -> Any:
        after = self.values_of(obj)
        before = getattr(request, "audited_before", after)
        changed = [name for part in message for name in part.get("changed", {}).get("fields", [])]
        if "password" in changed:
            before, after = before | {"password": "hidden"}, after | {"password": "changed"}
        self._record(request, obj, "edited", before, after)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[M]) -> Any:
        for obj in queryset:
            self._record(request, obj, "deleted", self.values_of(obj), {})
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, obj: M, what: str, old: Values, new: Values) -> None:
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        kind = self.opts.model_name
        audit.record_changes(
            f"{kind}.{what}",
            actor_id=request.user.pk if isinstance(request.user.pk, UUID) else None,
            subject=f"{kind}:{obj.pk}",
            changes={name: (old.get(name), new.get(name)) for name in names},
            person_id=obj.pk if isinstance(obj, User) else None,
        )

    def values_of(self, obj: M) -> Values:
        """Return the row's columns and lists as they are stored, without secrets."""
        row = self.model._default_manager.filter(pk=obj.pk)  # noqa: SLF001 - documented
        names = [field.name for field in self.opts.concrete_fields if field.name not in SECRET]
        stored = row.values(*names).first() or {}
        values = {name: _plain(value) for name, value in stored.items()}
        for name, lookup in self.audited_lists.items():
            entries = row.values_list(lookup, flat=True)
            values[name] = sorted(str(entry) for entry in entries if entry is not None)
        return values


def _plain(value: Any) -> Any:
    """Return the value in a form that JSON can hold."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, bool, list, type(None))) else str(value)
