"""The desk's pages of collection: sources, what was collected, cycles and names of places."""

from __future__ import annotations

import json
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from jobs.admin import ReadOnlyAdmin
from reports.collection.actors import collect_source, test_source
from reports.collection.kinds.protocol import SourceMisconfigured
from reports.collection.kinds.registry import collector_of
from reports.models import (
    CollectionCycle,
    NamedPlace,
    Post,
    Source,
    SourceKind,
    works_on_reports,
)

SOURCE_FIELDS = ("name", "kind", "address", "options", "interval_minutes", "is_enabled")


class SourceForm(forms.ModelForm[Source]):
    """A source; its address and options are checked by its kind."""

    class Meta:
        model = Source
        fields = SOURCE_FIELDS

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            source = Source(**{name: values.get(name) for name in SOURCE_FIELDS})
            try:
                collector_of(source).check(source)
            except SourceMisconfigured as error:
                raise forms.ValidationError(str(error)) from error
        return values


@admin.register(Source)
class SourceAdmin(AuditedAdmin[Source]):
    """Sources with their health; they are tested and fetched from here."""

    form = SourceForm
    list_display = ("name", "kind", "state", "last_error", "fetched_at", "next_fetch", "interval")
    list_filter = ("kind", "is_enabled")
    search_fields = ("name", "address")
    ordering = ("name",)
    readonly_fields = (
        "state", "fetched_at", "next_fetch", "paused_until", "failures", "last_error",
        "last_error_at", "tested", "webhook",
    )  # fmt: skip
    actions = ("test_selected", "fetch_selected")
    change_form_template = "admin/reports/source/change_form.html"
    fieldsets: ClassVar = [
        (None, {"fields": SOURCE_FIELDS}),
        (
            _("State"),
            {
                "fields": (
                    "state", "fetched_at", "next_fetch", "paused_until", "failures", "last_error",
                    "last_error_at", "tested", "webhook",
                )
            },
        ),
    ]  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        """Allow the deletion of a source without posts; another one is switched off."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or not obj.posts.exists())

    @admin.display(description=_("health"), ordering="failures")
    def state(self, source: Source) -> str:
        return str(source.health.label)

    @admin.display(description=_("next fetch"), ordering="next_fetch_at")
    def next_fetch(self, source: Source) -> str:
        if source.kind == SourceKind.WEBHOOK:
            return gettext("it sends by itself")
        if not source.is_enabled:
            return "-"
        at = source.next_fetch_at
        return f"{at:%Y-%m-%d %H:%M:%S}" if at else gettext("within a minute")

    @admin.display(description=_("every"))
    def interval(self, source: Source) -> str:
        return f"{int(source.interval().total_seconds() // 60)} min"

    @admin.display(description=_("last test"))
    def tested(self, source: Source) -> str:
        result = source.test_result
        if not result:
            return "-"
        if "error" in result:
            return f"{result['at'][:19]}: {result['error']}"
        posts = format_html_join("", "<li>{}</li>", ((line,) for line in result["posts"]))
        count = ngettext("%s post", "%s posts", result["count"]) % result["count"]
        return format_html("{}: {}<ul>{}</ul>", result["at"][:19], count, posts)

    @admin.display(description=_("webhook"))
    def webhook(self, source: Source) -> str:
        if source.kind != SourceKind.WEBHOOK:
            return "-"
        url = reverse("webhook", args=[source.pk])
        return format_html(
            "{} {}<br>{} <code>{}</code>", "POST", url, gettext("secret:"), source.webhook_secret()
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<uuid:pk>/test/", view(self.test_view), name="reports_source_test"),
            path("<uuid:pk>/fetch/", view(self.fetch_view), name="reports_source_fetch"),
            path("<uuid:pk>/new-secret/", view(self.secret_view), name="reports_source_secret"),
        ]
        return own + super().get_urls()

    def test_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Have the source asked without storing anything."""
        return self._begin(request, pk, "tested", gettext("It is being asked; reload in a moment."))

    def fetch_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Have the source fetched now."""
        return self._begin(request, pk, "fetched", gettext("It is being fetched."))

    def secret_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Replace the secret of a webhook; the old one is refused from now on."""
        source = self._source(request, pk)
        with transaction.atomic():
            Source.objects.filter(pk=source.pk).update(key_version=F("key_version") + 1)
            _record(request, source, "secret_replaced")
        self.message_user(request, _("The webhook has a new secret."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:reports_source_change", args=[pk]))

    @admin.action(description=_("Test the selected sources"), permissions=["change"])
    def test_selected(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        for source in queryset:
            _send(request, source, "tested")
        self.message_user(request, _("They are being asked; see their pages."), messages.SUCCESS)

    @admin.action(description=_("Fetch the selected sources now"), permissions=["change"])
    def fetch_selected(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        for source in queryset:
            _send(request, source, "fetched")
        self.message_user(request, _("They are being fetched."), messages.SUCCESS)

    def _begin(self, request: HttpRequest, pk: UUID, what: str, message: str) -> HttpResponse:
        _send(request, self._source(request, pk), what)
        self.message_user(request, message, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:reports_source_change", args=[pk]))

    def _source(self, request: HttpRequest, pk: UUID) -> Source:
        """Return the source that this request may change."""
        source = Source.objects.filter(pk=pk).first()
        if source is None:
            raise Http404
        if request.method != "POST" or not self.has_change_permission(request, source):
            raise PermissionDenied
        return source


@transaction.atomic
def _send(request: HttpRequest, source: Source, what: str) -> None:
    """Send the task that tests or fetches the source, and record who asked for it."""
    actor: Any = test_source if what == "tested" else collect_source
    actor.send_with_options(args=(str(source.pk),), unique_key=f"collection {what} {source.pk}")
    _record(request, source, what)


def _record(request: HttpRequest, source: Source, what: str) -> None:
    user = cast("User", request.user)
    audit.record(f"source.{what}", actor_id=user.pk, subject=f"source:{source.pk}", data={})


@admin.register(Post)
class PostAdmin(ReadOnlyAdmin[Post]):
    """What was collected, for all staff of departments."""

    list_display = (
        "posted_at", "source", "said", "language", "sentiment", "topic", "category", "place_name",
        "area", "is_deleted",
    )  # fmt: skip
    list_filter = ("source", "sentiment", "topic", "precision", "language")
    list_select_related = ("source", "category", "area")
    search_fields = ("title", "text")
    ordering = ("-posted_at", "-id")
    list_per_page = 50
    exclude = ("digest", "cell", "author_hash")
    readonly_fields = ("linked", "raw_form")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return works_on_reports(request.user)

    @admin.display(description=_("text"))
    def said(self, post: Post) -> str:
        return str(post)[:160]

    @admin.display(description=_("deleted"), boolean=True)
    def is_deleted(self, post: Post) -> bool:
        return post.deleted_at is not None

    @admin.display(description=_("reports"))
    def linked(self, post: Post) -> str:
        links = post.links.select_related("report").order_by("-is_origin", "-probability")
        lines = (
            (
                reverse("admin:reports_report_change", args=[link.report_id]),
                link.report,
                gettext("made from it") if link.is_origin else f"{link.probability or 0:.0%}",
            )
            for link in links
        )
        return format_html_join("", '<p><a href="{}">{}</a> ({})</p>', lines) or "-"

    def get_fields(self, request: HttpRequest, obj: Post | None = None) -> Any:
        """Show the raw form, which has personal data in it, to superusers only."""
        fields = [name for name in super().get_fields(request, obj) if name != "raw_form"]
        may_see = isinstance(request.user, User) and request.user.is_superuser
        return [*fields, "raw_form"] if may_see else fields

    @admin.display(description=_("as its source gave it"))
    def raw_form(self, post: Post) -> str:
        raw = getattr(post, "raw", None)
        text = json.dumps(raw.content, indent=2, ensure_ascii=False) if raw else gettext("not kept")
        return format_html("<pre>{}</pre>", text[:20_000])


@admin.register(CollectionCycle)
class CollectionCycleAdmin(ReadOnlyAdmin[CollectionCycle]):
    list_display = (
        "started_at", "finished_at", "is_whole", "sources", "failed", "new_posts", "edited_posts",
        "deleted_posts", "too_old_posts",
    )  # fmt: skip
    list_filter = ("is_whole",)
    ordering = ("-pk",)


@admin.register(NamedPlace)
class NamedPlaceAdmin(ReadOnlyAdmin[NamedPlace]):
    list_display = ("name", "kind")
    list_filter = ("kind",)
    search_fields = ("name",)
    ordering = ("pk",)
