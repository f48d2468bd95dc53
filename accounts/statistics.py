"""Login statistics: one row for each day."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from accounts.models import Session

COUNT = """
INSERT INTO accounts_loginstatistic AS statistic (day, logins, first_logins) VALUES (%(day)s, 1,
    %(first)s)
ON CONFLICT (day) DO UPDATE
SET logins = statistic.logins + 1, first_logins = statistic.first_logins + EXCLUDED.first_logins
"""


def count_login(session_id: str) -> None:
    """Add one session to the statistics of its day.

    Call it once for each session. A session that was deleted with its user is not counted.
    """
    session = Session.objects.filter(id=session_id).first()
    if session is None:
        return
    earlier = Session.objects.filter(user_id=session.user_id, created_at__lt=session.created_at)
    day = timezone.localdate(session.created_at)
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"day": day, "first": int(not earlier.exists())})
