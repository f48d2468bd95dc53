"""Accounts at the desk: users can be edited, recorded data can only be read."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import audit, sessions
from accounts.actors import send_email_changed
from accounts.audited_admin import AuditedAdmin
from accounts.desk import session_admin  # noqa: F401 - it registers its page
from accounts.desk import sessions as desk_sessions
from accounts.models import (
    AuditEvent,
    AuditSeal,
    LoginStatistic,
    OtpChallenge,
    RefreshToken,
    ReputationEntry,
    Session,
    User,
)
from accounts.phone_change_admin import PhoneChangeAdmin
from jobs.admin import ReadOnlyAdmin
from jobs.admin.exporting import ExportingAdmin

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("phone",)
        field_classes: dict[str, Any] = {}


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(AuditedAdmin[Group], DjangoGroupAdmin):
    """Groups; their permissions are rights of their members."""

    audited_lists = {"permissions": "permissions__codename"}


@admin.register(User)
class UserAdmin(AuditedAdmin[User], ExportingAdmin[User], PhoneChangeAdmin, DjangoUserAdmin[User]):  # type: ignore[type-var]
    """Citizens and staff.

    Only a superuser may grant rights, or change staff, whose password they could set.
    """

    add_form = NewUserForm
    list_display = ("phone", "name", "email", "reputation", "is_active", "is_staff", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser", "wants_sms", "groups")
    search_fields = ("phone", "email", "name", "=id")
    search_help_text = _("Phone, email, name or id")
    ordering = ("-date_joined",)
    date_hierarchy = "date_joined"
    list_per_page = 50
    readonly_fields = (
        "id",
        "email_verified_at",
        "reputation",
        "level",
        "is_active",
        "tokens_valid_after",
        "date_joined",
        "last_login",
    )
    fieldsets = (
        (None, {"fields": ("id", "phone", "password", "name", "locale")}),
        (_("Contact"), {"fields": ("email", "email_verified_at", "wants_report_sms", "wants_sms")}),
        (_("Standing"), {"fields": ("reputation", "level", "is_on_leaderboard", "is_active")}),
        (_("Rights"), {"fields": RIGHTS}),
        (_("Dates"), {"fields": ("date_joined", "last_login", "tokens_valid_after")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("phone", "usable_password", "password1", "password2"),
            },
        ),
    )
    actions = ("disable_users", "enable_users")
    export_fields = (
        "id",
        "name",
        "locale",
        "reputation",
        "level",
        "is_active",
        "is_staff",
        "date_joined",
    )
    audited_lists = {
        "groups": "groups__name",
        "user_permissions": "user_permissions__codename",
    }

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may export all people: superusers only."""
        return _is_superuser(request)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return the read-only fields; an existing number changes only on its own page."""
        fields = super().get_readonly_fields(request, obj)
        fields = fields if obj is None else (*fields, "phone")
        return fields if _is_superuser(request) else (*fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_refused = (
            obj is not None and (obj.is_staff or obj.is_superuser) and not _is_superuser(request)
        )
        return not is_refused and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # disable users instead: ledgers refer to them

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save only the changed columns; an email address that staff typed is not verified."""
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            self.remember(request, obj)
            columns = {field.name for field in self.opts.concrete_fields}
            changed = [name for name in form.changed_data if name in columns]
            obj.edit_profile({name: getattr(obj, name) for name in changed})
            before: dict[str, Any] = request.audited_before  # type: ignore[attr-defined]
            if "email" in changed and before["email_verified_at"]:
                send_email_changed.send(before["email"])
            if not obj.is_staff:
                desk_sessions.revoke_all(obj, by=request.user.pk, reason="no longer staff")

    @transaction.atomic
    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - Django's name
        form_url: str = "",
    ) -> HttpResponse:
        """Change the password in one transaction with its events in the audit log.

        Without a password the user cannot stay signed in either.
        """
        response = super().user_change_password(request, id, form_url)
        user = self.get_object(request, id)
        if user is not None and not user.has_usable_password():
            desk_sessions.revoke_all(user, by=request.user.pk, reason="password taken away")
        return response

    @admin.action(permissions=["change"], description=_("Disable, and end every session"))
    def disable_users(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = self._each(request, queryset, sessions.disable)
        text = ngettext("%s user is disabled.", "%s users are disabled.", count) % count
        self.message_user(request, text)

    @admin.action(permissions=["change"], description=_("Enable again"))
    def enable_users(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        count = self._each(request, queryset, sessions.enable)
        text = ngettext("%s user is enabled.", "%s users are enabled.", count) % count
        self.message_user(request, text)

    def _each(self, request: HttpRequest, queryset: QuerySet[User], change: Any) -> int:
        """Change each of the users whom this person may change; return how many."""
        users = [user for user in queryset if self.has_change_permission(request, user)]
        with transaction.atomic():
            for user in users:
                change(user, by=request.user.pk)
        return len(users)


@admin.register(ReputationEntry)
class ReputationEntryAdmin(ReadOnlyAdmin[ReputationEntry]):
    list_display = ("created_at", "user", "points", "reason", "event_key")
    list_select_related = ("user",)
    search_fields = ("event_key", "user__phone", "user__name")
    ordering = ("-id",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin[AuditEvent]):
    list_display = ("created_at", "event", "actor_id", "subject", "ip_address", "request_id")
    search_fields = ("=event", "=subject", "=actor_id", "=request_id", "=ip_address")
    search_help_text = _("Exact event, subject (such as report:<id>), actor, request id or address")
    readonly_fields = ("changes",)
    ordering = ("-id",)

    @admin.display(description=_("changes, before and after"))
    def changes(self, event: AuditEvent) -> str:
        return json.dumps(audit.opened_changes(event), ensure_ascii=False)


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin[AuditSeal]):
    list_display = ("sequence", "sealed_at", "first_event_id", "last_event_id", "hash_hex")
    fields = (
        "sequence",
        "sealed_at",
        "first_event_id",
        "last_event_id",
        "hash_hex",
        "previous_hash_hex",
    )
    ordering = ("-sequence",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditSeal]:
        return super().get_queryset(request).defer("event_ids", "digests")

    @admin.display(description=_("hash"))
    def hash_hex(self, seal: AuditSeal) -> str:
        return bytes(seal.hash).hex()

    @admin.display(description=_("previous hash"))
    def previous_hash_hex(self, seal: AuditSeal) -> str:
        return bytes(seal.previous_hash).hex()


@admin.register(OtpChallenge)
class OtpChallengeAdmin(ReadOnlyAdmin[OtpChallenge]):
    list_display = (
        "created_at",
        "channel",
        "recipient",
        "attempts_left",
        "sent_at",
        "used_at",
        "expires_at",
    )
    list_filter = (
        "channel",
        ("sent_at", admin.EmptyFieldListFilter),
        ("used_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("=recipient", "=id")
    ordering = ("-id",)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin[Session]):
    list_display = (
        "created_at",
        "user",
        "user_agent",
        "ip_address",
        "refreshed_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("user__phone", "user__name", "=id")
    ordering = ("-id",)
    actions = ("end_sessions",)

    @admin.action(description=_("End the sessions"))
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        with transaction.atomic():
            for session in queryset:
                sessions.revoke(session, by=request.user.pk, reason="ended by staff")

    def get_actions(self, request: HttpRequest) -> Any:
        return (
            super().get_actions(request) if request.user.has_perm("accounts.change_session") else {}
        )


@admin.register(RefreshToken)
class RefreshTokenAdmin(ReadOnlyAdmin[RefreshToken]):
    list_display = ("created_at", "session_user", "session", "expires_at", "rotated_at")
    list_select_related = ("session__user",)
    search_fields = ("session__user__phone", "=session__id")
    fields = ("session", "created_at", "expires_at", "rotated_at")
    ordering = ("-id",)

    @admin.display(description=_("User"))
    def session_user(self, token: RefreshToken) -> User:
        return token.session.user


@admin.register(LoginStatistic)
class LoginStatisticAdmin(ReadOnlyAdmin[LoginStatistic]):
    list_display = ("day", "logins", "first_logins")
    date_hierarchy = "day"


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser
