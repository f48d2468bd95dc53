"""The background tasks of the workflow."""

from __future__ import annotations

from datetime import timedelta

import jobs
from reports.models import StatusChange
from reports.workflow import clock, messages, staff_messages

HOUR = timedelta(hours=1)


# These need nothing but our own database.
@jobs.actor(queue_name="default", outlasts=HOUR)
def announce_step(change_id: int) -> None:
    """Send the messages about a step, unless it was undone meanwhile."""
    change = StatusChange.objects.select_related("report").get(pk=change_id)
    messages.send(change.report, change)


@jobs.actor(queue_name="default", outlasts=HOUR)
def wake_report(report_id: str) -> None:
    """Let a waiting report go on once the time until which it waits has come."""
    clock.wake(report_id)


# The next round closes what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def close_unconfirmed() -> dict[str, int]:
    """Close the resolved reports about which nobody has answered within the window.

    Those whose repair a photo shows are closed as confirmed, the others as unconfirmed.

    Return their number as `closed`. Each batch is a transaction of its own.
    """
    closed = 0
    while True:
        with jobs.current_task().effects():
            count = clock.close_unanswered()
        closed += count
        if not count:
            return {"closed": closed}


# The next round sends what this one left.
@jobs.actor(kind="long", queue_name="maintenance", outlasts=HOUR)
def message_staff() -> dict[str, int]:
    """Tell people and offices which reports came to them since their last message.

    Return the number of messages as `sent`. Each recipient is a transaction of its own.
    """
    return {"sent": staff_messages.send_all(jobs.current_task().effects)}
