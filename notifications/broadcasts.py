"""One message to many users, each at most so many a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count
from django.db.models.functions import Now

from jobs.ledger.database import lock
from notifications import deliveries
from notifications.actors import deliver_notification
from notifications.models import Delivery

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Addressee:
    """A user, and the values of the message's template for them."""

    user_id: UUID
    context: Mapping[str, str]


def send(addressees: Sequence[Addressee], template: str, *, event: str, per_day: int) -> set[UUID]:
    """Store the deliveries of one event's message to users, in the caller's transaction.

    A user gets it once, by their best channel, and not beyond `per_day` messages of this template
    within a day. Return the users who get it or got it before; the others cannot be reached, or
    have got their number. Meant for tasks of bulk work, whose urgency the deliveries inherit.
    """
    lock(f"broadcast {template}")  # or two at once would each count without the other
    users = get_user_model().objects.in_bulk([addressee.user_id for addressee in addressees])
    sent = _sent_within_a_day(template, list(users))
    reached_before = _reached_before(event, list(users))
    new = [
        delivery
        for addressee in addressees
        if addressee.user_id in users
        and addressee.user_id not in reached_before
        and sent.get(addressee.user_id, 0) < per_day
        and (delivery := _delivery(addressee, users[addressee.user_id], template, event))
        is not None
    ]
    Delivery.objects.bulk_create(new)
    expiry = timedelta(hours=settings.NOTIFICATION_EXPIRY_HOURS)
    deliver_notification.send_many([(str(delivery.pk),) for delivery in new], deadline=expiry)
    return reached_before | {cast("UUID", delivery.user_id) for delivery in new}


def _delivery(addressee: Addressee, user: object, template: str, event: str) -> Delivery | None:
    channels = deliveries.channels_of(cast("deliveries.Recipient", user), template)
    if not channels:
        return None
    return Delivery(
        user_id=addressee.user_id,
        channel=channels[0],
        template=template,
        context=dict(addressee.context),
        event_key=_key(event, addressee.user_id),
    )


def _sent_within_a_day(template: str, user_ids: list[UUID]) -> dict[UUID, int]:
    recent = Delivery.objects.filter(
        user__in=user_ids, template=template, created_at__gt=Now() - DAY
    )
    counts = recent.order_by().values("user").annotate(count=Count("id"))
    return {row["user"]: row["count"] for row in counts}


def _reached_before(event: str, user_ids: list[UUID]) -> set[UUID]:
    keys = {_key(event, user_id): user_id for user_id in user_ids}
    known = Delivery.objects.filter(event_key__in=keys).values_list("event_key", flat=True)
    return {keys[key] for key in known}


def _key(event: str, user_id: UUID) -> str:
    return f"{event}:{user_id}"
