"""Deliveries to users, and the SMS provider's receipts for them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from uuid_utils.compat import uuid7

from jobs.model_fields import LineField
from jobs.states import Standing, State


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Changes of deliveries in one statement, without reading them."""

    def finish(self, status: str, *, provider_id: str = "", error: str = "") -> None:
        """Store how the deliveries ended."""
        self.update(status=status, provider_id=provider_id, error=error[:500], finished_at=Now())

    def show(self, standing: Standing) -> None:
        """Show how their task stands, on deliveries that were not sent."""
        unsent = self.filter(status__in=Delivery.UNSENT_STATUSES)
        if not standing.has_ended:
            unsent.update(status=Delivery.Status.QUEUED, error="", finished_at=None)
        elif standing.is_expired:
            unsent.finish(Delivery.Status.EXPIRED, error=standing.error)
        elif standing.state == State.CANCELLED:
            unsent.finish(Delivery.Status.CANCELLED, error=standing.error)
        else:
            unsent.finish(Delivery.Status.FAILED, error=standing.error)

    def settle(self, receipt: Receipt) -> None:
        """Set the SMS that the receipt is about to delivered or undelivered.

        Only a delivery in state `sent` is changed.
        """
        sent = self.filter(
            provider_id=receipt.provider_id,
            channel=Delivery.Channel.SMS,
            status=Delivery.Status.SENT,
        )
        sent.update(status=receipt.outcome, error=receipt.error)


class Delivery(models.Model):
    """One message to one user about one event.

    The address is looked up when it is sent, and not kept here.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", _("Email")
        SMS = "sms", _("SMS")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENT = "sent", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        UNDELIVERED = "undelivered", _("Undelivered")
        FAILED = "failed", _("Failed")
        SKIPPED = "skipped", _("Skipped")
        EXPIRED = "expired", _("Expired")
        CANCELLED = "cancelled", _("Cancelled")

    UNSENT_STATUSES = (Status.QUEUED, Status.FAILED, Status.EXPIRED, Status.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="deliveries"
    )
    contact = models.CharField(
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text=_("Whom it goes to instead of a user, as NOTIFICATION_CONTACTS reads it."),
    )
    channel = models.CharField(max_length=10, choices=Channel)
    template = models.CharField(max_length=60)
    context = models.JSONField(default=dict)
    event_key = models.CharField(
        max_length=200, unique=True, help_text=_("The name of the event; it is announced once.")
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    provider_id = models.CharField("provider's id", max_length=200, blank=True)
    error = LineField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    counted_at = models.DateTimeField(
        null=True, help_text=_("When it was counted against the day's limit of SMS.")
    )
    finished_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            # A user's messages, newest first; also serves the deletion of a user.
            models.Index(fields=["user", "-created_at"], name="notifications_delivery_user"),
            # What an operator has to look at: messages not sent yet, or refused.
            models.Index(
                fields=["-created_at"],
                condition=models.Q(status__in=["queued", "failed"]),
                name="notifications_delivery_open",
            ),
            # The message that a receipt is about.
            models.Index(
                fields=["provider_id"],
                condition=models.Q(channel="sms", status="sent"),
                name="notifications_delivery_sent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} by {self.get_channel_display()}"


class Receipt(models.Model):
    """The SMS provider's report on one message; the first report of an id counts."""

    class Status(models.TextChoices):
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")

    provider_id = models.CharField("provider's id", max_length=200, unique=True)
    status = models.CharField(max_length=10, choices=Status)
    error = LineField(max_length=500, blank=True)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        # The list at the desk, newest first; also finds receipts past their retention.
        indexes = [models.Index(fields=["-received_at"], name="notifications_receipt_received")]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.get_status_display()}"

    @property
    def outcome(self) -> Delivery.Status:
        """Return the status of the delivery that follows from this receipt."""
        is_delivered = self.status == Receipt.Status.DELIVERED
        return Delivery.Status.DELIVERED if is_delivered else Delivery.Status.UNDELIVERED
