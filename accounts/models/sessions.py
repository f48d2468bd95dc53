"""The tables of sessions: of the API and of the desk."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, When
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.model_fields import LineField


class Session(models.Model):
    """One sign-in on one device: the family of refresh tokens that descend from it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions"
    )
    user_agent = LineField(max_length=200, blank=True)
    ip_address = models.GenericIPAddressField("IP address", null=True)
    created_at = models.DateTimeField(db_default=Now())
    refreshed_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(help_text=_("When its newest refresh token ends."))
    revoked_at = models.DateTimeField(null=True)
    second_factor_at = models.DateTimeField(
        null=True, help_text=_("When staff proved the second factor; staff rights follow from it.")
    )
    proved_at = models.DateTimeField(
        null=True, help_text=_("When a code last confirmed that the account's holder is present.")
    )

    class Meta:
        indexes = [
            # A user's sessions, newest first.
            models.Index(fields=["user", "-created_at"], name="accounts_session_user"),
        ]

    def __str__(self) -> str:
        return f"session {self.id}"

    def is_live(self, now: datetime) -> bool:
        """Return whether the session is neither revoked nor expired; the user is not looked at."""
        return self.revoked_at is None and self.expires_at > now

    def has_second_factor(self, now: datetime) -> bool:
        """Return whether the second factor was proved in this session and is still valid."""
        proved_at = self.second_factor_at
        lifetime = settings.STAFF_SECOND_FACTOR_LIFETIME
        return proved_at is not None and now - proved_at < lifetime


class RefreshToken(models.Model):
    """One refresh token, stored as its SHA-256; it is exchanged once."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="refresh_tokens")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    rotated_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"refresh token {self.pk}"


class DeskSessionQuerySet(models.QuerySet["DeskSession"]):
    """Sessions of the desk, judged by PostgreSQL's clock and by the limits that are set now."""

    def with_key(self, key: str) -> DeskSessionQuerySet:
        """Return a queryset of the session whose browser holds this key."""
        return self.filter(digest=DeskSession.digest_of(key))

    def live(self) -> DeskSessionQuerySet:
        """Return the sessions within both limits: the one since sign-in, the other since use."""
        return self.filter(
            created_at__gt=Now() - settings.DESK_SESSION_LIFETIME,
            last_used_at__gt=Now() - settings.DESK_SESSION_IDLE_LIMIT,
        )

    def with_use_due(self, precision: timedelta) -> DeskSessionQuerySet:
        """Set `is_use_due` where the last use was noted longer ago than `precision`."""
        is_due = Case(When(last_used_at__lt=Now() - precision, then=True), default=False)
        return self.annotate(is_use_due=is_due)  # type: ignore[no-redef]  # declared below

    def expired(self) -> DeskSessionQuerySet:
        """Return the sessions that are over one of the limits."""
        return self.filter(
            Q(created_at__lte=Now() - settings.DESK_SESSION_LIFETIME)
            | Q(last_used_at__lte=Now() - settings.DESK_SESSION_IDLE_LIMIT)
        )


class DeskSession(models.Model):
    """One sign-in of a member of staff at the desk, in one browser.

    The browser holds the key, of which only the SHA-256 is stored. A row that is deleted signs its
    browser out.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    digest = models.BinaryField(max_length=32, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="desk_sessions", null=True
    )
    data = models.TextField(help_text=_("Signed, as Django's session engines store it."))
    ip_address = models.GenericIPAddressField("IP address", null=True)
    user_agent = LineField(max_length=200, blank=True)
    created_at = models.DateTimeField("since", db_default=Now())
    last_used_at = models.DateTimeField(
        "last use", db_default=Now(), help_text=_("To the minute; a page's own refresh is no use.")
    )

    #: Set by `DeskSessionQuerySet.with_use_due`.
    is_use_due: bool

    objects = DeskSessionQuerySet.as_manager()

    class Meta:
        verbose_name = "session of the desk"
        verbose_name_plural = "sessions of the desk"

    def __str__(self) -> str:
        return f"session of the desk {self.id}"

    @staticmethod
    def digest_of(key: str) -> bytes:
        """Return what is stored of a key; the key cannot be recovered from it."""
        return hashlib.sha256(key.encode()).digest()


class LoginStatistic(models.Model):
    """How often citizens signed in on one day (of the server's time zone)."""

    day = models.DateField(primary_key=True)
    logins = models.PositiveIntegerField(default=0)
    first_logins = models.PositiveIntegerField(
        default=0, help_text=_("Sign-ins that created their user.")
    )

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.logins}"
