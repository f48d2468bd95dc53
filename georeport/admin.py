"""The desk's pages of api_keys, and of what programs sent with them."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.audited_admin import AuditedAdmin
from georeport import keys
from georeport.models import ApiKey, SentRequest
from jobs.admin.adding import AddingMixin
from jobs.admin.read_only import ReadOnlyAdmin
from jobs.admin.shown_once import shown_once


@admin.register(ApiKey)
class ApiKeyAdmin(AddingMixin[ApiKey], AuditedAdmin[ApiKey]):
    """Adds keys, whose text is shown once, and revokes them; none is deleted."""

    list_display = ("name", "organisation", "is_test", "prefix", "last_used_at", "revoked_at")
    list_filter = ("is_test", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "organisation", "prefix")
    readonly_fields = ("prefix", "created_at", "last_used_at", "revoked_at")
    fields = (
        "name",
        "organisation",
        "email",
        "is_test",
        "may_submit",
        "may_update",
        "is_vouched_for",
        "requests_per_hour",
        *readonly_fields,
    )
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is not None:
            return self.fields
        return [name for name in self.fields if name not in self.readonly_fields]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        text = None if change else keys.set_secret(obj)
        super().save_model(request, obj, form, change)
        if text is not None:
            sentence = _("%(name)s: %(key)s — it is shown only this once.")
            messages.success(request, sentence % {"name": obj.name, "key": text})

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the text of the new key."""
        return shown_once(request, self, str(obj))

    def values_of(self, obj: ApiKey) -> dict[str, Any]:
        return {name: one for name, one in super().values_of(obj).items() if name != "digest"}

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    @admin.action(description=_("Revoke the selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Revoke the selected keys; what is sent with them from now on is refused."""
        count = sum(keys.revoke(key, by=cast("UUID", request.user.pk)) for key in queryset)
        text = ngettext("%s key is revoked.", "%s keys are revoked.", count) % count
        messages.success(request, text)


@admin.register(SentRequest)
class SentRequestAdmin(ReadOnlyAdmin[SentRequest]):
    """Shows which program sent which report, and what became of addresses without a place."""

    list_display = ("created_at", "key", "report", "refusal")
    list_select_related = ("key", "report")
    list_filter = ("key",)
    fields = ("created_at", "key", "report", "refusal")
    ordering = ("-id",)
