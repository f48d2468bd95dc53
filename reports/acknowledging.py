"""Acknowledge a new report to its reporter, and note it in the audit log."""

from __future__ import annotations

from uuid import UUID

from accounts import audit, origins, reputation
from accounts.models import User
from accounts.origins import Origin
from notifications.actors import notify_contact, notify_now

SUBMISSION_POINTS = 5


def acknowledge(
    report_id: UUID,
    title: str,
    *,
    reporter_id: UUID | None,
    reporter: User | None,
    is_new: bool = False,
) -> None:
    """Audit a new report, credit its reporter, and send the message that it arrived.

    In the caller's transaction: these are a few rows, and a task of their own would cost more than
    they do. The audit log does not say from which address the report came. `reporter` is None where
    there is no such user any more. With `is_new` this transaction stores the report and has locked
    the reporter's row for the credit; then all goes with the other parts of a `together` block.
    """
    subject = f"report:{report_id}"
    with origins.bound(Origin(None)):
        audit.record("report.submitted", actor_id=reporter_id, subject=subject)
    context = {"report_id": str(report_id), "title": title, "path": f"/reports/{report_id}"}
    event, template = f"{subject}:received", "report_received"
    if reporter_id is None:
        notify_contact(subject, template, context, event)
    elif reporter is not None:
        credit = reputation.credit_together if is_new else reputation.credit
        key = f"{subject}:submitted"
        credit(reporter_id, SUBMISSION_POINTS, event_key=key, reason="report submitted")
        notify_now(reporter, template, context, event, is_new_event=is_new)
