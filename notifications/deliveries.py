"""Telling a user about an event: once, by the way the user can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol, cast
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from jobs.http import limits
from jobs.http.limits import Rule
from notifications import channels, receipts, rendering
from notifications.channels import Message
from notifications.errors import ChannelError
from notifications.models import Delivery

log = structlog.get_logger(__name__)

Channel, Status = Delivery.Channel, Delivery.Status
DAY = timedelta(days=1)
#: About a citizen's own reports: by SMS too, unless they say otherwise.
REPORT_TEMPLATES = {"report_received", "report_status_changed"}


class Recipient(Protocol):
    """What is asked of AUTH_USER_MODEL."""

    phone: str
    email: str
    email_verified: bool
    wants_sms: bool
    wants_report_sms: bool
    locale: str
    is_active: bool


def prepare(
    user_id: UUID | str, template: str, context: Mapping[str, str], *, event_key: str
) -> list[Delivery]:
    """The deliveries that are new with this call, in the caller's transaction: one for an event, or
    none.

    `event_key` names the event and, where several users hear of it, the user. None for an event
    told before, for a disabled user, and for one with neither a verified email address nor the wish
    for SMS.
    """
    user = get_user_model().objects.filter(pk=user_id).first()
    ways = _channels_of(cast("Recipient", user), template) if user else []
    if not ways:
        return []
    delivery = Delivery(
        user=user, channel=ways[0], template=template, context=dict(context), event_key=event_key
    )
    Delivery.objects.bulk_create([delivery], ignore_conflicts=True)
    return [delivery] if Delivery.objects.filter(pk=delivery.pk).exists() else []


def deliver(delivery_id: str, *, idempotency_key: str) -> dict[str, object]:
    """Hand one delivery to its channel; the answer says how that ended, for `record_outcome`.

    The user is asked again, since an address may have changed or a wish been withdrawn. Raises
    ChannelError when another try may help.
    """
    delivery = Delivery.objects.select_related("user").get(pk=delivery_id)
    message = _message(delivery)
    if message is None:
        return {"status": Status.SKIPPED}
    if not _is_within_limits(delivery):
        log.warning("sms_limit_reached", delivery_id=delivery_id)
        return {"status": Status.SKIPPED, "error": "The day's limit of SMS is reached."}
    try:
        provider_id = channels.send(delivery.channel, message, idempotency_key=idempotency_key)
    except ChannelError as error:
        if not error.permanent:
            raise
        log.warning(
            "delivery_refused", delivery_id=delivery_id, channel=delivery.channel, error=str(error)
        )
        return {"status": Status.FAILED, "error": str(error)}
    return {"status": Status.SENT, "provider_id": provider_id}


def record_outcome(delivery_id: str, outcome: dict[str, Any]) -> None:
    """Keep what `deliver` answered, if the delivery is still there, and apply a receipt that
    overtook it.

    In the caller's transaction.
    """
    provider_id = str(outcome.get("provider_id", ""))
    if provider_id:
        receipts.lock(provider_id)
    Delivery.objects.filter(pk=delivery_id).finish(**outcome)
    if provider_id:
        receipts.apply_early(provider_id)


def _is_within_limits(delivery: Delivery) -> bool:
    """Count an SMS once, however often it is tried, against what a citizen and all may get a day."""
    if delivery.channel != Channel.SMS or delivery.counted_at:
        return True
    rules = [
        Rule(f"sms:user:{delivery.user_id}", settings.SMS_PER_CITIZEN_DAY, DAY),
        Rule("sms:all", settings.SMS_PER_DAY, DAY),
    ]
    if not limits.hit_in_turn(rules).allowed:
        return False
    Delivery.objects.filter(pk=delivery.pk).update(counted_at=timezone.now())
    return True


def _message(delivery: Delivery) -> Message | None:
    """What to send; None when the user cannot be reached by this channel any more."""
    user = cast("Recipient | None", delivery.user)
    if user is None or delivery.channel not in _channels_of(user, delivery.template):
        return None
    address = user.email if delivery.channel == Channel.EMAIL else user.phone
    return rendering.render(
        delivery.template, delivery.channel, delivery.context, to=address, locale=user.locale
    )


def _channels_of(user: Recipient, template: str) -> list[str]:
    """The ways to the user for such a message, the best first: email where it is verified, then SMS
    where it is wanted.
    """
    wants_sms = user.wants_report_sms if template in REPORT_TEMPLATES else user.wants_sms
    ways = {Channel.EMAIL: user.email_verified, Channel.SMS: wants_sms}
    return [channel for channel, is_open in ways.items() if is_open and user.is_active]
