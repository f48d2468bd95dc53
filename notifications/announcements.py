"""What other apps' events are told in messages of this app's own."""

from __future__ import annotations

from uuid import UUID

from notifications.actors import notify_user


def announce_job(job_id: UUID, *, job_type: str, state: str, user_id: UUID) -> None:
    """The owner of a job hears how it ended, once an outcome; in the caller's transaction."""
    context = {"job_id": str(job_id), "job_type": job_type, "state": state}
    notify_user(str(user_id), "job_ended", context, f"job:{job_id}:{state}")
