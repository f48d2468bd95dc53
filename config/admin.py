"""The desk (Django's admin site): sign-in, permissions, and answers to invalid requests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

import structlog
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import path
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django_otp.admin import OTPAdminAuthenticationForm

from accounts import audit, totp
from accounts.backends import NAME_MAX_CHARACTERS
from accounts.models import StaffAuthenticator, User
from config import sign_in
from desk.shell import navigation

V = TypeVar("V", bound=Callable[..., HttpResponseBase])

NOT_ALLOWED = _(
    "You may not open this page, or do this, with the rights that you have here. If you need it,"
    " ask your administrator."
)
NOT_THERE = _(
    "There is no such page, or it is not yours to see: a report that was handed over is with its"
    " new department."
)

log = structlog.get_logger(__name__)


class NameLengthMixin:
    """Say that the name may be an email address, and allow so long a one to be typed.

    Django limits the input to the length of the column of phone numbers.
    """

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Phone or email address")
        self.fields["username"].widget.attrs["maxlength"] = NAME_MAX_CHARACTERS


class PasswordForm(NameLengthMixin, AdminAuthenticationForm):
    """Sign-in by name and password."""


class PasswordAndCodeForm(NameLengthMixin, OTPAdminAuthenticationForm):  # type: ignore[misc]
    """Sign-in by name, password and the code of an authenticator."""

    otp_error_messages = OTPAdminAuthenticationForm.otp_error_messages | {
        "token_required": _("Type the code that your authenticator shows."),
        "invalid_token": _("This code is not right, or no longer. Type the one that is shown now."),
        "n_failed_attempts": ngettext_lazy(
            "After %(failure_count)d wrong code, wait a moment before you try again.",
            "After %(failure_count)d wrong codes, wait a moment before you try again.",
            "failure_count",
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        token = self.fields["otp_token"]
        token.label = _("Code of your authenticator")
        token.widget.attrs |= {"autocomplete": "one-time-code", "inputmode": "numeric"}

    def clean_otp(self, user: User | None) -> None:
        """Check the code; record a right password with a missing or wrong code in the audit log.

        Somebody else may know the password then.
        """
        try:
            super().clean_otp(user)
        except ValidationError as error:
            reason = {"token_required": "no code", "invalid_token": "wrong code"}
            data = {"reason": reason.get(error.code or "", "too soon after wrong codes")}
            subject = f"user:{user.pk if user else 'unknown'}"
            audit.record("desk.code_refused", actor_id=None, subject=subject, data=data)
            raise

    def _chosen_device(self, user: User) -> StaffAuthenticator | None:
        """Return the user's one authenticator, so that nobody needs to choose a device."""
        authenticators = StaffAuthenticator.objects.select_for_update()
        device: StaffAuthenticator | None = authenticators.filter(user=user, confirmed=True).first()
        return device


class CivicLensAdminSite(admin.AdminSite):
    """The desk: staff sign in with a password and, if STAFF_TOTP_REQUIRED, an app's code."""

    site_header = site_title = "CivicLens"
    app_index_template = "desk/shell/tables.html"
    enable_nav_sidebar = False  # the desk's own navigation stands there

    @property
    def login_form(self) -> type[AuthenticationForm]:  # type: ignore[override]
        return PasswordAndCodeForm if settings.STAFF_TOTP_REQUIRED else PasswordForm

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form or try a password, within the limits at once and per address and hour."""
        if request.method != "POST":
            return super().login(request, extra_context)
        if refusal := sign_in.refusal(request):
            return refusal
        with sign_in.turn() as refusal:
            return refusal or super().login(request, extra_context)

    @transaction.atomic
    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Change one's own password in one transaction with its event in the audit log."""
        answer = super().password_change(request, extra_context)
        if request.method == "POST" and answer.status_code == HTTPStatus.FOUND:
            pk = cast("User", request.user).pk
            audit.record("user.password_changed", actor_id=pk, subject=f"user:{pk}")
        return answer

    def get_urls(self) -> list[Any]:
        """Return the addresses of the desk's own pages, then those of Django's lists and forms.

        The pages are imported only now, since they use the lists, which belong to a site already.
        """
        pages = [
            path(str(page.pattern), self.admin_view(page.callback), name=page.name)
            for page in import_string("desk.urls.pages")
        ]
        return [*pages, *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show what waits for the reader."""
        page: Callable[[HttpRequest], TemplateResponse] = import_string("desk.today.page.page")
        return page(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the frame of every page shows."""
        context = super().each_context(request)
        return context | {
            "navigation": partial(navigation.sections, request),
            "name_in_navigation": partial(navigation.name_of, request.path),
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return the tables of each app, which are looked up only where a page lists them."""
        return SimpleLazyObject(partial(super().get_app_list, request, app_label))

    def admin_view(self, view: V, cacheable: bool = False) -> V:
        return super().admin_view(_refusing(view), cacheable)

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is active staff, signed in with a code where one is required."""
        return super().has_permission(request) and totp.is_satisfied(request.user)


def _refusing(view: V) -> V:
    """Wrap a view so that it says why a page is refused.

    It answers 403 for one that the reader may not open, 404 for one that there is not, and 400 for
    a value that the column or PostgreSQL cannot take.
    Django's admin hands many values of an address (filters, keys, initial values, selections) to
    the ORM unchecked, and often only while the page is rendered. The traceback is logged, in case
    the fault is in our code.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
            return response.render() if isinstance(response, SimpleTemplateResponse) else response
        except PermissionDenied as error:
            return _refusal(request, HTTPStatus.FORBIDDEN, str(error) or NOT_ALLOWED)
        except Http404:
            return _refusal(request, HTTPStatus.NOT_FOUND, NOT_THERE)
        except (ValidationError, ValueError, OverflowError, DataError, IntegrityError) as error:
            log.warning("admin_request_refused", path=request.path, exc_info=error)
            return HttpResponseBadRequest(
                "The address or the form has a value that cannot be looked up.\n",
                content_type="text/plain",
            )

    return cast("V", guarded)


def _refusal(request: HttpRequest, status: HTTPStatus, reason: str | Promise) -> HttpResponse:
    """Return the page that says to a reader who is signed in why they get no other."""
    context = admin.site.each_context(request) | {"title": _("Not here"), "reason": reason}
    page = TemplateResponse(request, "desk/shell/refused.html", context, status=status)
    return page.render()
