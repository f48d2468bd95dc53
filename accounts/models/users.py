"""The table of users."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from accounts.models.audit import AuditEvent
from accounts.phones import E164_PATTERN, PhoneField, normalise
from jobs.model_fields import LineField

#: Reputation at which each level after the first begins.
LEVEL_THRESHOLDS = (25, 100, 250, 500, 1000)


class UserManager(BaseUserManager["User"]):
    """Create users; a citizen is identified by a phone number."""

    def create_user(self, phone: str, password: str | None = None, **fields: Any) -> User:
        """Create a user; without a password they can sign in only by a code.

        Raises:
            accounts.errors.PhoneInvalid: nobody can dial the number.
        """
        user = self.model(phone=normalise(phone), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, phone: str, password: str | None = None, **fields: Any) -> User:
        """Create a user with every right, and record it in the audit log."""
        rights = {"is_staff": True, "is_superuser": True}
        with transaction.atomic(using=self._db):
            user = self.create_user(phone, password, **{**fields, **rights})
            data = {"changes": {name: [None, value] for name, value in rights.items()}}
            AuditEvent.objects.create(event="user.added", subject=f"user:{user.pk}", data=data)
        return user


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]  # django_otp
    """A citizen or a member of staff, identified by a phone number in E.164.

    `reputation` is the sum of the user's `ReputationEntry` rows and changes only with them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    phone = PhoneField(
        max_length=16,
        unique=True,
        help_text=_("International form (E.164), such as +12025550123."),
    )
    email = models.EmailField(
        blank=True,
        help_text=_("Gets messages once a code has proved it. Empty: no messages by email."),
    )
    email_verified_at = models.DateTimeField(null=True, blank=True)
    name = LineField(
        max_length=120, blank=True, help_text=_("The display name, shown on the leaderboard.")
    )
    locale = models.CharField(
        max_length=12, default="en", help_text=_("The language of messages, such as en or pt-BR.")
    )
    wants_sms = models.BooleanField(
        "wants SMS",
        default=False,
        help_text=_("Other messages than those about their own reports."),
    )
    wants_report_sms = models.BooleanField(
        "wants SMS about reports", default=True, help_text=_("About the citizen's own reports.")
    )
    is_on_leaderboard = models.BooleanField(
        "on the leaderboard",
        default=True,
        db_default=True,
        help_text=_("Off: the leaderboard no longer shows the user, at once."),
    )
    reputation = models.IntegerField(default=0, help_text=_("The sum of the user's points."))
    is_active = models.BooleanField(
        "active", default=True, help_text=_("Off: the user can no longer sign in.")
    )
    is_staff = models.BooleanField(
        "staff", default=False, help_text=_("Whether the user may sign in to the desk.")
    )
    tokens_valid_after = models.DateTimeField(
        db_default=Now(), help_text=_("Tokens issued before are refused.")
    )
    date_joined = models.DateTimeField("joined at", db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    #: Whether the password that `save` stores next takes the place of an earlier one.
    replaces_password = False
    _are_rights_withheld = False

    USERNAME_FIELD = "phone"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(phone__regex=E164_PATTERN), name="accounts_user_phone_e164"
            ),
            # Staff may sign in to the admin by email, so there it names one person.
            models.UniqueConstraint(
                Lower("email"),
                condition=Q(is_staff=True) & ~Q(email=""),
                name="accounts_user_staff_email_unique",
                violation_error_message="Another member of staff has this email address.",
            ),
        ]
        indexes = [
            # The admin's list, newest first.
            models.Index(fields=["-date_joined"], name="accounts_user_joined"),
            # The desk's search for people by words of their name, or by their email address.
            GinIndex(SearchVector("name", "email", config="simple"), name="accounts_user_words"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return the hash to which a session of the desk is bound.

        It changes with the password and when the user is disabled, which ends the session.
        """
        stamp = f"{self.password}{self.tokens_valid_after.timestamp()}"
        return salted_hmac(
            "accounts.User.session", stamp, secret=secret, algorithm="sha256"
        ).hexdigest()

    @property
    def email_verified(self) -> bool:
        """Return whether the user proved that the present email address is theirs."""
        return bool(self.email) and self.email_verified_at is not None

    @property
    def level(self) -> int:
        """Return 1 plus the number of LEVEL_THRESHOLDS that the reputation has reached."""
        return 1 + bisect_right(LEVEL_THRESHOLDS, self.reputation)

    def withhold_staff_rights(self) -> None:
        """Take staff rights from this instance, but not from its row."""
        self.is_staff = self.is_superuser = False
        self._are_rights_withheld = True

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return not self._are_rights_withheld and super().has_perm(perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        return not self._are_rights_withheld and super().has_module_perms(app_label)

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        return set() if self._are_rights_withheld else super().get_all_permissions(obj)

    def set_password(self, raw_password: str | None) -> None:
        self.replaces_password = not self._state.adding
        super().set_password(raw_password)

    def save(self, *args: Any, **options: Any) -> None:
        """Save the user; refuse to store withheld rights as if they had been taken away.

        Raises:
            RuntimeError: rights are withheld and would be saved.
        """
        fields = options.get("update_fields")
        if self._are_rights_withheld and (
            fields is None or {"is_staff", "is_superuser"} & {*fields}
        ):
            raise RuntimeError("A user whose staff rights are withheld is saved by update_fields.")
        super().save(*args, **options)

    def edit_profile(self, changes: dict[str, Any]) -> None:
        """Save the changed fields; a changed email address has to be verified anew.

        Raises:
            django.core.exceptions.ValidationError: a constraint forbids the change.
        """
        if "email" in changes:
            changes = {**changes, "email_verified_at": None}
        for name, value in changes.items():
            setattr(self, name, value)
        self.validate_constraints()
        self.save(update_fields=list(changes))
