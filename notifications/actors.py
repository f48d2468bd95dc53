"""The background tasks of notifications."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

import jobs
from jobs.operations.alerts import Phase
from jobs.worker import retention
from notifications import deliveries, operators, receipts
from notifications.models import Delivery

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# Outlasts a provider of email or SMS that is down for a day; nothing is tried while its breaker is
# open.
@jobs.actor(
    queue_name="notifications",
    kind="external",
    delivery="at_least_once",
    outlasts=DAY,
    min_backoff=timedelta(seconds=2),
    max_backoff=HOUR,
)
def deliver_notification(delivery_id: str) -> dict[str, object]:
    """Hand a message to its channel, with the task's id as idempotency key."""
    return deliveries.deliver(delivery_id, idempotency_key=str(jobs.current_task().id))


@deliver_notification.record
def record_delivery(outcome: dict[str, object], delivery_id: str) -> None:
    """Store how the delivery ended, with the attempt's end."""
    deliveries.record_outcome(delivery_id, outcome)


@deliver_notification.mirror
def show_delivery(standing: jobs.Standing, delivery_id: str) -> None:
    """Show at the delivery how its task stands: waiting, failed, expired or cancelled."""
    Delivery.objects.filter(pk=delivery_id).show(standing)


# It needs nothing but the database.
@jobs.actor(queue_name="notifications", outlasts=HOUR)
def notify_user(user_id: str, template: str, context: dict[str, str], event_key: str) -> None:
    """Prepare the message about an event for a user, once, and send the task that delivers it."""
    _send(deliveries.prepare(user_id, template, context, event_key=event_key))


# It needs nothing but the database.
@jobs.actor(queue_name="notifications", outlasts=HOUR)
def notify_contact(contact: str, template: str, context: dict[str, str], event_key: str) -> None:
    """Prepare the message about an event for somebody without an account, once, and send the task
    that delivers it.
    """
    _send(deliveries.prepare_for_contact(contact, template, context, event_key=event_key))


def notify_now(
    user: Any,
    template: str,
    context: dict[str, str],
    event_key: str,
    *,
    is_new_event: bool = False,
) -> None:
    """Do as the task `notify_user`, in the caller's transaction, for a user who has been read.

    With `is_new_event` nobody can have heard of the event, which saves a statement.
    """
    _send(
        deliveries.prepare_for_user(
            user, template, context, event_key=event_key, is_new_event=is_new_event
        )
    )


def _send(new: list[Delivery]) -> None:
    expiry = timedelta(hours=settings.NOTIFICATION_EXPIRY_HOURS)
    for delivery in new:
        deliver_notification.send_with_options(args=(str(delivery.pk),), deadline=expiry)


# Outlasts a mail server that is down for a day; an alert is still worth reading then.
@jobs.actor(
    queue_name="critical",
    kind="external",
    delivery="at_least_once",
    outlasts=DAY,
    max_backoff=HOUR,
)
def email_operators(episode_id: str, phase: Phase) -> None:
    """Tell the operators that an alert has begun or ended."""
    operators.email_alert(episode_id, phase, idempotency_key=str(jobs.current_task().id))


# The round of the next night deletes what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def prune_receipts() -> dict[str, int]:
    """Delete receipts past their retention; return their number as `pruned`.

    Each batch is a transaction of its own.
    """
    return retention.in_batches(receipts.prune)


def announce_alert(episode_id: UUID, phase: Phase) -> None:
    """Send the task that emails the operators, if OPERATOR_EMAILS names any.

    The setting JOBS_OPERATOR_NOTIFIER names this function.
    """
    if settings.OPERATOR_EMAILS:
        email_operators.send(str(episode_id), phase)
