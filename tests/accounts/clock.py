"""Letting time pass for what sign-in stored, since PostgreSQL's clock cannot be put forward."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import DateTimeField, F, Model

from accounts.models import OtpChallenge, RefreshToken, Session, User

KINDS: tuple[type[Model], ...] = (OtpChallenge, RefreshToken, Session, User)


def let_pass(**length: float) -> None:
    """Put every stored time back, so that rows are as they will be after this length of time."""
    for kind in KINDS:
        times = [field.name for field in kind._meta.fields if isinstance(field, DateTimeField)]
        earlier = {name: F(name) - timedelta(**length) for name in times}
        kind._default_manager.update(**earlier)
