"""What the notifications do in the background."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings

import jobs
from jobs.operations.alerts import Phase
from jobs.worker import retention
from notifications import deliveries, operators, receipts
from notifications.models import Delivery

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# The provider of email or SMS is away for a day; while its breaker is open nothing is tried.
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
    deliveries.record_outcome(delivery_id, outcome)


@deliver_notification.mirror
def show_delivery(standing: jobs.Standing, delivery_id: str) -> None:
    Delivery.objects.filter(pk=delivery_id).show(standing)


# Our own database alone.
@jobs.actor(queue_name="notifications", outlasts=HOUR)
def notify_user(user_id: str, template: str, context: dict[str, str], event_key: str) -> None:
    """Tell a user about an event, once."""
    new = deliveries.prepare(user_id, template, context, event_key=event_key)
    expiry = timedelta(hours=settings.NOTIFICATION_EXPIRY_HOURS)
    deliver_notification.send_many([(str(delivery.pk),) for delivery in new], deadline=expiry)


# The mail server is away for a day; an alert is still worth reading then.
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


# The next night's round deletes what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def prune_receipts() -> dict[str, int]:
    """Delete receipts past their retention, batch by batch."""
    return retention.in_batches(receipts.prune)


def announce_alert(episode_id: UUID, phase: Phase) -> None:
    """Have the operators told, if there are any; JOBS_OPERATOR_NOTIFIER names this."""
    if settings.OPERATOR_EMAILS:
        email_operators.send(str(episode_id), phase)
