"""What follows from any new report: an audit event, reputation, and a message to its reporter."""

from __future__ import annotations

from accounts.actors import credit_reputation, record_audit_event
from notifications.actors import notify_user

SUBMISSION_POINTS = 5


def acknowledge(report_id: str, *, reporter_id: str | None, title: str) -> None:
    """Audit the report, credit its reporter and notify them, in the caller's transaction.

    The bodies of three actors run here as one task, since three tasks would cost three times as
    much. Each counts an event once, so repeating it changes nothing.
    """
    subject = f"report:{report_id}"
    record_audit_event("report.submitted", reporter_id, subject, {})
    if reporter_id is None:
        return
    credit_reputation(reporter_id, SUBMISSION_POINTS, f"{subject}:submitted", "report submitted")
    notify_user(
        reporter_id,
        "report_received",
        {"report_id": report_id, "title": title, "path": f"/reports/{report_id}"},
        f"{subject}:received",
    )
