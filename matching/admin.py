"""The pages of the desk for matching: opportunities, partners and keys, profiles and matches."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from jobs.admin.adding import AddingMixin
from jobs.admin.exporting import ExportingAdmin
from jobs.admin.shown_once import shown_once
from jobs.models import Task
from jobs.operations.actions import record
from matching.actors import rebuild_embeddings
from matching.errors import LanguageUnknown
from matching.models import (
    Interaction,
    Match,
    MatchRun,
    Opportunity,
    Partner,
    PartnerKey,
    Profile,
    VectorSpace,
)
from matching.opportunities import publishing
from matching.partners import keys
from matching.text import languages


class OpportunityForm(ModelForm[Opportunity]):
    """The form of an opportunity; languages may be given as tags or as names."""

    def clean_languages(self) -> list[str]:
        try:
            return languages.tags_of(self.cleaned_data["languages"])
        except LanguageUnknown as error:
            raise ValidationError(str(error)) from error


@admin.register(Opportunity)
class OpportunityAdmin(AddingMixin[Opportunity], ExportingAdmin[Opportunity]):
    """Opportunities, changed by the same functions as in the API, so that matches follow."""

    form = OpportunityForm
    list_display = ("title", "kind", "organisation", "starts_on", "ends_on", "is_active")
    list_filter = ("kind", "is_active", "is_remote")
    search_fields = ("title", "organisation", "external_id")
    show_full_result_count = False
    readonly_fields = ("places_taken", "version", "done_at", "created_at", "updated_at")
    actions = ("close", "complete")
    export_forms = ("csv", "json", "geojson")
    export_fields = (
        "id",
        "kind",
        "title",
        "description",
        "organisation",
        "category",
        "requirements",
        "languages",
        "starts_on",
        "ends_on",
        "latitude",
        "longitude",
        "is_remote",
        "capacity",
        "places_taken",
        "is_active",
        "source",
        "external_id",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Opportunity]:
        return super().get_queryset(request).defer("search")

    def save_model(
        self, request: HttpRequest, obj: Opportunity, form: ModelForm[Opportunity], change: bool
    ) -> None:
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        if not change:
            obj.pk = publishing.add(fields).pk
            return
        stored = Opportunity.objects.defer("search").get(pk=obj.pk)
        publishing.change(stored, fields)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Allow the deletion of an opportunity together with its matches and interactions.

        Users have no permission to delete these by hand.
        """
        shown, counts, missing_permissions, protected = super().get_deleted_objects(objs, request)
        dependent = {str(model._meta.verbose_name) for model in (Match, Interaction)}  # noqa: SLF001 - documented
        return shown, counts, set(missing_permissions) - dependent, protected

    @admin.action(description=_("Close the selected opportunities"), permissions=["change"])
    def close(self, request: HttpRequest, queryset: QuerySet[Opportunity]) -> None:
        """Withdraw the selected opportunities."""
        self._end(request, queryset, is_done=False)
        messages.success(request, _("They are withdrawn: no longer shown, and no longer matched."))

    @admin.action(description=_("Mark the selected opportunities as done"), permissions=["change"])
    def complete(self, request: HttpRequest, queryset: QuerySet[Opportunity]) -> None:
        """Note that the work of the selected opportunities is done, and withdraw them."""
        done = self._end(request, queryset, is_done=True)
        text = _("Marked as done: %s. They are shown and matched no more.") % done
        messages.success(request, text)

    def _end(self, request: HttpRequest, rows: QuerySet[Opportunity], *, is_done: bool) -> int:
        """Withdraw opportunities; return how many were not withdrawn, or not done, before."""
        by = cast("User", request.user)
        ids = list(rows.values_list("pk", flat=True))
        return sum(publishing.end(pk, is_done=is_done, by=by) for pk in ids)


class PartnerKeyInline(admin.TabularInline[PartnerKey, Partner]):
    """A partner's keys, read-only; actions create and revoke them, and write to the audit log."""

    model = PartnerKey
    extra = 0
    fields = readonly_fields = ("label", "created_at", "revoked_at")
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Partner)
class PartnerAdmin(AddingMixin[Partner]):
    list_display = ("name", "is_active", "created_at")
    search_fields = ("name",)
    readonly_fields = ("created_at",)
    inlines = (PartnerKeyInline,)
    actions = ("new_key",)

    @admin.action(description=_("Create an API key"), permissions=["change"])
    def new_key(self, request: HttpRequest, queryset: QuerySet[Partner]) -> HttpResponse:
        """Create a key for each selected partner, and show it once."""
        for partner in queryset:
            key = keys.create_key(partner, by=cast("UUID", request.user.pk))
            text = _("%(partner)s: %(key)s — it is shown only this once.")
            messages.success(request, text % {"partner": partner, "key": key})
        return shown_once(request, self, str(_("New API keys")))


@admin.register(PartnerKey)
class PartnerKeyAdmin(ReadOnlyAdmin[PartnerKey]):
    list_display = ("partner", "label", "created_at", "revoked_at")
    list_select_related = ("partner",)
    fields = ("partner", "label", "created_at", "revoked_at")
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may revoke keys: it needs the permission to change them."""
        return request.user.has_perm("matching.change_partnerkey")

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[PartnerKey]) -> None:
        """Revoke the selected keys."""
        count = sum(keys.revoke_key(key, by=cast("UUID", request.user.pk)) for key in queryset)
        text = ngettext("%s key is revoked.", "%s keys are revoked.", count) % count
        messages.success(request, text)


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin[Profile]):
    list_display = ("id", "headline", "version", "updated_at")


@admin.register(Match)
class MatchAdmin(ReadOnlyAdmin[Match]):
    list_display = ("id", "user", "opportunity", "score", "updated_at")
    list_select_related = ("user", "opportunity")


@admin.register(VectorSpace)
class VectorSpaceAdmin(ReadOnlyAdmin[VectorSpace]):
    """Shows the vector spaces with their rebuilds; one can be started by those who may change."""

    list_display = ("label", "dimensions", "state", "generation", "progress", "created_at")
    actions = ("rebuild",)

    def has_rebuild_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("matching.change_vectorspace")

    @admin.display(description=_("rebuild"), empty_value="-")
    def progress(self, space: VectorSpace) -> SafeString | None:
        """Return how far the newest rebuild is, as a link to its task."""
        rebuilds = Task.objects.filter(pk__in=[space.task_id]).only("state", "progress")
        if (task := rebuilds.first()) is None:
            return None
        fraction = (task.progress or {}).get("fraction")
        done = "" if fraction is None else f" {fraction:.0%}"
        place = reverse("admin:jobs_task_change", args=(task.pk,))
        return format_html('<a href="{}">{}{}</a>', place, task.get_state_display(), done)

    @admin.action(
        description=_("Embed everything again with the present embedder"), permissions=["rebuild"]
    )
    def rebuild(self, request: HttpRequest, queryset: QuerySet[VectorSpace]) -> None:
        """Start a rebuild, as `manage.py rebuild_embeddings` does; one waits at a time."""
        with transaction.atomic():
            message = rebuild_embeddings.send_with_options(unique_key="rebuild_embeddings")
            data = {"task": message.message_id}
            record("vectors.rebuild", "vectors:all", cast("User", request.user).pk, data)
        place = reverse("admin:jobs_task_change", args=(message.message_id,))
        text = format_html(
            '{} <a href="{}">{}</a>', _("It is started."), place, _("Look at its task")
        )
        self.message_user(request, text)


@admin.register(Interaction)
class InteractionAdmin(ReadOnlyAdmin[Interaction]):
    list_display = ("created_at", "user", "kind", "opportunity")
    list_filter = ("kind",)
    list_select_related = ("user", "opportunity")
    ordering = ("-id",)


@admin.register(MatchRun)
class MatchRunAdmin(ReadOnlyAdmin[MatchRun]):
    list_display = ("id", "user", "task_id", "is_saved", "created_at", "updated_at")
    list_select_related = ("user",)
    ordering = ("-id",)
