"""What the notifications do in the background."""

from __future__ import annotations

import jobs
from notifications import deliveries


@jobs.actor(queue_name="notifications", kind="external", delivery="at_least_once")
def deliver_notification(delivery_id: str) -> dict[str, object]:
    """Hand a message to its channel, with the task's id as idempotency key."""
    return deliveries.deliver(delivery_id, idempotency_key=str(jobs.current_task().id))


@deliver_notification.record
def record_delivery(outcome: dict[str, object], delivery_id: str) -> None:
    deliveries.record_outcome(delivery_id, outcome)


@jobs.actor(queue_name="notifications")
def notify_user(user_id: str, template: str, context: dict[str, str], event_key: str) -> None:
    """Tell a user about an event, once."""
    new = deliveries.prepare(user_id, template, context, event_key=event_key)
    deliver_notification.send_many([(str(delivery.pk),) for delivery in new])
