"""The table of one-time codes that were sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import models
from django.db.models import Case, Count, ExpressionWrapper, F, Max, Q, When
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7


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
        SMS = "sms", _("SMS")
        EMAIL = "email", _("Email")

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in", _("to sign in")
        EMAIL = "email", _("to prove an email address")
        NEW_PHONE = "new_phone", _("to prove a new phone number")
        CONFIRM = "confirm", _("to confirm a change of the account")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    channel = models.CharField(max_length=5, choices=Channel, default=Channel.SMS)
    recipient = models.CharField(
        max_length=254, help_text=_("A phone number in E.164, or an email address.")
    )
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.SIGN_IN)
    network = models.CharField(
        max_length=50, blank=True, help_text=_("Whence it was asked for: an IPv4 /24 or IPv6 /48.")
    )
    device = models.CharField(
        max_length=24, blank=True, help_text=_("The device known from before that asked for it.")
    )
    attempts_left = models.SmallIntegerField(help_text=_("Guesses left to those who name it."))
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
