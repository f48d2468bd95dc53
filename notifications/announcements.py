"""What other apps' events are told in messages of this app's own."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from jobs.ledger.database import lock
from notifications.actors import notify_user
from notifications.models import Delivery

log = structlog.get_logger(__name__)

JOB_ENDED = "job_ended"
HOUR = timedelta(hours=1)


def announce_job(job_id: UUID, *, job_type: str, state: str, user_id: UUID) -> None:
    """The owner of a job hears how it ended, once an outcome; in the caller's transaction.

    Within an hour they hear of JOB_NOTICES_PER_HOUR ends, exactly, however many come at once; the
    others are in the list of their jobs.
    """
    lock(f"job notices {user_id}")
    told = Delivery.objects.filter(
        user_id=user_id, template=JOB_ENDED, created_at__gt=timezone.now() - HOUR
    )
    if told.count() >= settings.JOB_NOTICES_PER_HOUR:
        log.info("job_notice_withheld", job_id=str(job_id))
        return
    context = {"job_id": str(job_id), "job_type": job_type, "state": state}
    notify_user(str(user_id), JOB_ENDED, context, f"job:{job_id}:{state}")
