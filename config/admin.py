"""The staff's desk: its name, and who may enter."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest
from django_otp.admin import OTPAdminAuthenticationForm, OTPAdminSite


class CivicLensAdminSite(admin.AdminSite):
    """Staff enter with their password and, where STAFF_TOTP_REQUIRED says so, the code of their authenticator."""

    site_header = site_title = "CivicLens"
    index_title = "The desk"

    @property
    def login_form(self) -> type[AuthenticationForm] | None:  # type: ignore[override]
        return OTPAdminAuthenticationForm if settings.STAFF_TOTP_REQUIRED else None

    @property
    def login_template(self) -> str | None:  # type: ignore[override]
        return OTPAdminSite.login_template if settings.STAFF_TOTP_REQUIRED else None

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this is active staff; a session that began without a code does not count where one is required."""
        if not super().has_permission(request):
            return False
        user: Any = request.user  # with what OTPMiddleware added
        return not settings.STAFF_TOTP_REQUIRED or bool(user.is_verified())
