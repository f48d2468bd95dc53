"""Messages about events of other apps."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models.functions import Now

from jobs.ledger.database import lock
from notifications.actors import notify_user
from notifications.models import Delivery

log = structlog.get_logger(__name__)

JOB_ENDED = "job_ended"
HOUR = timedelta(hours=1)


def announce_job(job_id: UUID, *, job_type: str, state: str, user_id: UUID) -> None:
    """Tell the owner of a job how it ended, once for each outcome, in the caller's transaction.

    A user gets at most JOB_NOTICES_PER_HOUR such messages an hour, also when several jobs end at
    the same moment. Further ends are logged; the user finds them in the list of jobs.
    """
    lock(f"job notices {user_id}")
    recent = Delivery.objects.filter(
        user_id=user_id, template=JOB_ENDED, created_at__gt=Now() - HOUR
    )
    if recent.count() >= settings.JOB_NOTICES_PER_HOUR:
        log.info("job_notice_withheld", job_id=str(job_id))
        return
    context = {"job_id": str(job_id), "job_type": job_type, "state": state}
    notify_user(str(user_id), JOB_ENDED, context, f"job:{job_id}:{state}")
