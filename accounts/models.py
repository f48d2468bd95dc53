"""Users, their sign-in, their reputation, and the audit log."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Case, Count, ExpressionWrapper, F, Max, Q, When
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP
from uuid_utils.compat import uuid7

from accounts.digits import digits_typed
from accounts.phones import E164_PATTERN, PhoneField, normalise
from jobs import sealing
from jobs.ledger import database
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
        help_text="International form (E.164), such as +12025550123.",
    )
    email = models.EmailField(blank=True)
    email_verified_at = models.DateTimeField(null=True, blank=True)
    name = LineField(max_length=120, blank=True)
    locale = models.CharField(max_length=12, default="en")
    wants_sms = models.BooleanField(
        "wants SMS", default=False, help_text="Other messages than those about their own reports."
    )
    wants_report_sms = models.BooleanField(
        "wants SMS about reports", default=True, help_text="About the citizen's own reports."
    )
    reputation = models.IntegerField(default=0)
    is_active = models.BooleanField("active", default=True)
    is_staff = models.BooleanField("staff", default=False)
    tokens_valid_after = models.DateTimeField(
        db_default=Now(), help_text="Tokens issued before are refused."
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


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for codes to one address: a known device, or else a network."""

    channel: str
    recipient: str
    network: str
    device: str


class OtpChallengeQuerySet(models.QuerySet["OtpChallenge"]):
    """Choose and change challenges.

    Each change is one conditional UPDATE: of many requests at once only as many succeed as may.
    """

    def open(self) -> OtpChallengeQuerySet:
        """Return challenges that are neither used nor expired; attempts are not looked at."""
        return self.filter(used_at=None, expires_at__gt=Now())

    def open_for(self, channel: str, recipient: str, purpose: str) -> OtpChallengeQuerySet:
        """Return the open challenges of one address for one purpose."""
        return self.open().filter(channel=channel, recipient=recipient, purpose=purpose)

    def nearest_first(self, network: str) -> OtpChallengeQuerySet:
        """Return the challenges, those asked for from this network before others, newest first."""
        is_elsewhere = Case(When(network=network, then=0), default=1)
        return self.order_by(is_elsewhere, "-created_at")

    def redeemable(self, challenge_id: UUID, *, is_named: bool) -> OtpChallengeQuerySet:
        """Return a queryset of the challenge with this id; empty if it accepts no code any more.

        It must be neither used nor expired. Where `is_named`, the caller gave its id, and it must
        have attempts left too; a guess without the id takes none of them (`accounts.otp.admit`).
        """
        challenges = self.open().filter(id=challenge_id)
        return challenges.filter(attempts_left__gt=0) if is_named else challenges

    def use(self) -> bool:
        """Mark the one challenge of this queryset as used, unless none is left in it.

        Return whether this call marked it: of several calls at once, one gets True.
        """
        return self.update(used_at=Now()) == 1

    def burn_attempt(self) -> bool:
        """Take one attempt from the one challenge of this queryset, which `redeemable` returned.

        Return False if it had none left, or was used or expired meanwhile.
        """
        return self.update(attempts_left=F("attempts_left") - 1) == 1

    def unanswered(self, asker: Asker, window: timedelta) -> tuple[int, timedelta | None]:
        """Return the number of the asker's unused codes within `window`, and the last one's age."""
        recent = self.filter(
            channel=asker.channel,
            recipient=asker.recipient,
            network=asker.network,
            device=asker.device,
            created_at__gt=Now() - window,
            used_at=None,
        )
        age = ExpressionWrapper(Now() - Max("created_at"), models.DurationField())
        counted = recent.aggregate(count=Count("id"), age=age)
        return counted["count"], counted["age"]


class OtpChallenge(models.Model):
    """A code sent to a phone or an email address, without the code: see
    `accounts.codes.derive_code`.
    """

    class Channel(models.TextChoices):
        SMS = "sms", "SMS"
        EMAIL = "email", "Email"

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in", "to sign in"
        EMAIL = "email", "to prove an email address"
        NEW_PHONE = "new_phone", "to prove a new phone number"
        CONFIRM = "confirm", "to confirm a change of the account"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    channel = models.CharField(max_length=5, choices=Channel, default=Channel.SMS)
    recipient = models.CharField(
        max_length=254, help_text="A phone number in E.164, or an email address."
    )
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.SIGN_IN)
    network = models.CharField(
        max_length=50, blank=True, help_text="Whence it was asked for: an IPv4 /24 or IPv6 /48."
    )
    device = models.CharField(
        max_length=24, blank=True, help_text="The device known from before that asked for it."
    )
    attempts_left = models.SmallIntegerField(help_text="Guesses left to those who name it.")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    objects = OtpChallengeQuerySet.as_manager()

    class Meta:
        verbose_name = "one-time code"
        constraints = [
            models.CheckConstraint(
                condition=Q(attempts_left__gte=0),
                name="accounts_otp_attempts_not_negative",
            )
        ]
        indexes = [
            # The newest challenge of an address, and how many it asked for lately.
            models.Index(fields=["recipient", "-created_at"], name="accounts_otp_recipient"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} code {self.id}"


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
    expires_at = models.DateTimeField(help_text="When its newest refresh token ends.")
    revoked_at = models.DateTimeField(null=True)
    second_factor_at = models.DateTimeField(
        null=True, help_text="When staff proved the second factor; staff rights follow from it."
    )
    proved_at = models.DateTimeField(
        null=True, help_text="When a code last confirmed that the account's holder is present."
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
    data = models.TextField(help_text="Signed, as Django's session engines store it.")
    ip_address = models.GenericIPAddressField("IP address", null=True)
    user_agent = LineField(max_length=200, blank=True)
    created_at = models.DateTimeField("since", db_default=Now())
    last_used_at = models.DateTimeField(
        "last use", db_default=Now(), help_text="To the minute; a page's own refresh is no use."
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


class ReputationEntry(models.Model):
    """One change of one user's reputation, for one event."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reputation_entries"
    )
    points = models.IntegerField()
    event_key = models.CharField(
        max_length=200, unique=True, help_text="Names the event; an event counts once."
    )
    reason = LineField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "reputation entries"
        indexes = [
            # A user's ledger, newest first.
            models.Index(fields=["user", "-created_at"], name="accounts_reputation_user"),
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.reason}"


class AuditEvent(models.Model):
    """One event. A trigger refuses UPDATE, DELETE and TRUNCATE.

    `data` holds ids and plain facts; personal values are encrypted under the person's own key
    (`accounts.person_keys`). `actor_id` is no foreign key, so that a row outlives the person.
    """

    id = models.BigAutoField(primary_key=True)
    event = models.CharField(max_length=80)
    actor_id = models.UUIDField(null=True)
    subject = models.CharField(
        max_length=120, help_text="Kind and id of what it happened to, such as report:<id>."
    )
    data = models.JSONField(default=dict)
    ip_address = models.GenericIPAddressField("IP address", null=True)
    user_agent = models.CharField(max_length=200, blank=True, default="", db_default="")
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(
        db_default=Now(), help_text="By PostgreSQL's clock: a trigger stamps it."
    )

    class Meta:
        indexes = [
            # All that happened to one thing; all that one person did.
            models.Index(fields=["subject", "id"], name="accounts_audit_subject"),
            models.Index(fields=["actor_id", "id"], name="accounts_audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.subject}"


class AuditSeal(models.Model):
    """One link of the chain over the audit log: see `accounts.audit_chain`. A trigger refuses every
    change.

    Its events are in the order of their ids; `digests` has 32 bytes for each.
    """

    sequence = models.BigIntegerField(
        primary_key=True, help_text="1, 2, 3 and so on, without a gap."
    )
    event_ids = ArrayField(models.BigIntegerField())
    digests = models.BinaryField()
    first_event_id = models.BigIntegerField()
    last_event_id = models.BigIntegerField()
    previous_hash = models.BinaryField(max_length=32, unique=True)
    hash = models.BinaryField(max_length=32, unique=True)
    sealed_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Which of the latest events are sealed already.
            models.Index(fields=["last_event_id"], name="accounts_seal_last_event"),
        ]

    def __str__(self) -> str:
        return f"seal {self.sequence}"


class PersonKey(models.Model):
    """The key that encrypts one person's values in records that cannot be changed."""

    user_id = models.UUIDField(primary_key=True)
    sealed_key = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"key of {self.user_id}"


class StaffAuthenticator(ThrottlingMixin, Device):  # type: ignore[misc]
    """An authenticator app of a member of staff; its seed is encrypted with JOBS_SEAL_KEYS.

    After each wrong code the wait until the next try doubles. A right code is accepted once.
    """

    STEP_SECONDS = 30
    #: Codes of one step earlier or later are accepted too.
    TOLERANCE_STEPS = 1

    sealed_seed: Any = models.BinaryField()
    last_step: Any = models.BigIntegerField(
        default=-1, help_text="The newest step whose code was used."
    )
    drift_steps: Any = models.SmallIntegerField(
        default=0, help_text="How far the app's clock is off."
    )
    throttling_failure_timestamp: Any  # a column of ThrottlingMixin

    class Meta:
        verbose_name = "authenticator"

    def __init__(self, *args: Any, **fields: Any) -> None:
        super().__init__(*args, **fields)
        if not self.sealed_seed:
            self.seed = secrets.token_bytes(20)

    @property
    def seed(self) -> bytes:
        """Return the secret shared with the app.

        Raises:
            jobs.errors.SealBroken: none of JOBS_SEAL_KEYS decrypts it.
        """
        return sealing.unseal_bytes(self.sealed_seed)

    @seed.setter
    def seed(self, seed: bytes) -> None:
        self.sealed_seed = sealing.seal_bytes(seed)

    def verify_token(self, token: str) -> bool:
        """Check a code and save the attempt; return whether it is right and was not used before.

        Soon after a wrong code every code is refused, unchecked and uncounted.
        """
        if not self.verify_is_allowed()[0]:
            return False
        clock = TOTP(self.seed, step=self.STEP_SECONDS, drift=self.drift_steps)
        clock.time = database.now().timestamp()
        digits = digits_typed(token)
        is_code = len(digits) == clock.digits and digits.isdecimal()
        is_right = is_code and clock.verify(int(digits), self.TOLERANCE_STEPS, self.last_step + 1)
        if is_right:
            self.last_step, self.drift_steps = clock.t(), clock.drift
            self.throttle_reset()
        else:
            self.throttle_increment()
        return is_right

    def verify_is_allowed(self) -> tuple[bool, dict[str, Any] | None]:
        """Return whether a code may be tried now, and if not, why and until when.

        The library compares times by this process's clock, which the stored time does not follow.
        """
        failed_at = self.throttling_failure_timestamp
        if failed_at is None:
            return True, None
        self.throttling_failure_timestamp = failed_at + (timezone.now() - database.now())
        try:
            allowed: tuple[bool, dict[str, Any] | None] = super().verify_is_allowed()
        finally:
            self.throttling_failure_timestamp = failed_at
        return allowed

    def throttle_increment(self, commit: bool = True) -> None:
        """Count a wrong code, at the time of PostgreSQL."""
        super().throttle_increment(commit=False)
        self.throttling_failure_timestamp = database.now()
        if commit:
            self.save()

    def get_throttle_factor(self) -> float:
        return 1.0

    @property
    def config_url(self) -> str:
        """Return the otpauth:// URL from which an app reads the seed."""
        label = quote(f"{settings.OTP_TOTP_ISSUER}:{self.user.get_username()}")
        secret = b32encode(self.seed).decode()
        query = urlencode({"secret": secret, "issuer": settings.OTP_TOTP_ISSUER})
        return f"otpauth://totp/{label}?{query}"


class LoginStatistic(models.Model):
    """How often citizens signed in on one day (of the server's time zone)."""

    day = models.DateField(primary_key=True)
    logins = models.PositiveIntegerField(default=0)
    first_logins = models.PositiveIntegerField(
        default=0, help_text="Sign-ins that created their user."
    )

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.logins}"
