"""The second factor of staff: time-based codes (RFC 6238) from an app on their phone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import audit
from accounts.models import User


def is_satisfied(user: Any) -> bool:
    """Whether the session of this user, as OTPMiddleware has it, began with a code, or none is
    required.
    """
    return not settings.STAFF_TOTP_REQUIRED or bool(user.is_verified())


@transaction.atomic
def enrol(user: User) -> str:
    """Replace every device of the user by a new one; return its otpauth:// URL, the secret."""
    User.objects.select_for_update().get(pk=user.pk)  # of two at once, one device is left
    TOTPDevice.objects.filter(user=user).delete()
    device = TOTPDevice.objects.create(user=user, name="authenticator", confirmed=True)
    audit.record("staff.totp_enrolled", actor_id=None, subject=f"user:{user.id}")
    return str(device.config_url)
