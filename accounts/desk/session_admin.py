"""The desk's page of its own sessions: all of them for those with the right, else one's own."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.desk import sessions
from accounts.models import DeskSession, User
from jobs.admin import ReadOnlyAdmin
from jobs.admin.object_page import ObjectPage

VIEW, END = "accounts.view_desksession", "accounts.change_desksession"


@admin.register(DeskSession)
class DeskSessionAdmin(ObjectPage[DeskSession], ReadOnlyAdmin[DeskSession]):
    """Live sessions of the desk. Every member of staff sees and ends their own."""

    change_form_template = "admin/accounts/desksession/change_form.html"
    list_display = ("created_at", "user", "last_used_at", "ip_address", "user_agent", "is_this_one")
    fields = list_display
    list_select_related = ("user",)
    search_fields = ("user__phone", "user__email", "user__name", "=id", "=ip_address")
    search_help_text = _("Phone, email or name of the user, or an exact id or address")
    ordering = ("-id",)
    actions = ("end_sessions",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeskSession]:
        """Return the live sessions that the user may see; `is_current` marks the present one."""
        current = DeskSession.digest_of(request.session.session_key or "")
        live = DeskSession.objects.live().defer("data")
        live = live.annotate(is_current=Case(When(digest=current, then=True), default=False))
        return live if request.user.has_perm(VIEW) else live.filter(user=_user(request))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.end_session)
        route = path("<uuid:session_id>/end/", view, name="accounts_desksession_end")
        return [route, *super().get_urls()]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: DeskSession | None = None) -> bool:
        return obj is None or _is_own(request, obj) or request.user.has_perm(VIEW)

    def page_context(self, request: HttpRequest, row: DeskSession) -> dict[str, Any]:
        return super().page_context(request, row) | {"may_end": _may_end(request, row)}

    @admin.display(description=_("this one"), boolean=True)
    def is_this_one(self, session: Any) -> bool:
        return bool(session.is_current)

    @admin.action(description=_("End the sessions"))
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[DeskSession]) -> None:
        """End the chosen sessions, except others' where the user may only see them."""
        with transaction.atomic():
            ended = sum(
                _end(request, session) for session in queryset if _may_end(request, session)
            )
        text = ngettext("%s session has ended.", "%s sessions have ended.", ended) % ended
        self.message_user(request, text)

    def end_session(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        """End one session and return to the list."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        session = get_object_or_404(self.get_queryset(request), pk=session_id)
        if not _may_end(request, session):
            raise PermissionDenied
        with transaction.atomic():
            _end(request, session)
        self.message_user(request, _("The session has ended."))
        return HttpResponseRedirect(reverse("admin:accounts_desksession_changelist"))


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _is_own(request: HttpRequest, session: DeskSession) -> bool:
    return session.user_id == _user(request).pk


def _may_end(request: HttpRequest, session: DeskSession) -> bool:
    return _is_own(request, session) or request.user.has_perm(END)


def _end(request: HttpRequest, session: DeskSession) -> bool:
    reason = "ended by the user" if _is_own(request, session) else "ended by staff"
    return sessions.revoke(session, by=request.user.pk, reason=reason)
