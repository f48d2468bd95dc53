"""Password sign-in of staff to the admin, and its events in the audit log."""

from __future__ import annotations

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import audit, phones
from accounts.errors import PhoneInvalid
from accounts.models import DeskSession, User

NAME_MAX_CHARACTERS = 255  # of the column in which axes keeps it


class StaffBackend(ModelBackend):
    """Authenticate staff by phone or email address and password; citizens have no password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        name = username or kwargs.get(User.USERNAME_FIELD)
        if not name or password is None:
            return None
        user = find_staff(name)
        if user is None:
            User().set_password(
                password
            )  # takes as long as a wrong password, so that timing reveals no name
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None


def canonical_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the name in one spelling, under which django-axes counts failed attempts.

    Otherwise each spelling of a name would have its own attempts. The name is cut to the length of
    the column; names that differ only beyond it are counted together.
    """
    return _canonical((credentials or request.POST).get("username") or "")[:NAME_MAX_CHARACTERS]


def _canonical(name: str) -> str:
    if "@" in name:
        return name.strip().lower()
    try:
        return phones.normalise(name)
    except PhoneInvalid:
        return name.strip()


def find_staff(name: str) -> User | None:
    """Return the staff member with this phone number or email address, or None.

    A name with an @ is an email address. Any spelling will do. The user may be disabled.
    """
    field = "email__iexact" if "@" in name else "phone"
    return User.objects.filter(**{field: _canonical(name)}, is_staff=True).first()


@receiver(user_login_failed)
def record_failed_password(credentials: dict[str, Any], **_: Any) -> None:
    """Record a failed password attempt; a name that no member of staff has is not written down."""
    user = find_staff(str(credentials.get("username") or "").replace("\x00", ""))
    audit.record(
        "desk.password_failed", actor_id=None, subject=f"user:{user.pk if user else 'unknown'}"
    )


@receiver(user_locked_out)
def record_lock_out(username: str, **_: Any) -> None:
    """Record that a name is locked out from an address for a while."""
    user = find_staff((username or "").replace("\x00", ""))
    audit.record("desk.locked_out", actor_id=None, subject=f"user:{user.pk if user else 'unknown'}")


@receiver(user_logged_in)
def record_sign_in(user: User, request: HttpRequest, **_: Any) -> None:
    """Record a sign-in to the desk; if that fails, the sign-in fails too."""
    _record_passage("desk.entered", user, request)


@receiver(user_logged_out)
def record_sign_out(user: User | None, request: HttpRequest, **_: Any) -> None:
    """Record that somebody signed out of the desk; nobody did where the session had ended."""
    if user is not None:
        _record_passage("desk.left", user, request)


def _record_passage(event: str, user: User, request: HttpRequest) -> None:
    key = request.session.session_key or ""
    session_id = DeskSession.objects.with_key(key).values_list("id", flat=True).first()
    data = {"session": f"desk_session:{session_id}"}
    audit.record(event, actor_id=user.pk, subject=f"user:{user.pk}", data=data)
