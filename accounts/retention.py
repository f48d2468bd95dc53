"""Deleting what signing in left behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session as DjangoSession
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.desk import sessions as desk_sessions
from accounts.models import OtpChallenge, RefreshToken, Session

#: Rows of each kind deleted at once: few enough that nobody waits behind it.
PRUNE_BATCH_ROWS = 1_000


def prune() -> int:
    """Delete at most PRUNE_BATCH_ROWS old rows of each kind; return how many of all kinds.

    One-time codes and failed sign-ins by password go JOBS_RETENTION_DAYS after they were written,
    sessions of the API as long after they expired or were revoked. Sessions of the desk go once
    they are over their limits, each with an event in the audit log; those that an earlier release
    left in `django_session` go when they expire. A refresh token stays until its session expires or
    is revoked, or a thief's use of it would not be noticed.
    """
    past = Now() - timedelta(days=settings.JOBS_RETENTION_DAYS)
    kinds: tuple[QuerySet[Any], ...] = (
        OtpChallenge.objects.filter(created_at__lt=past),
        RefreshToken.objects.filter(
            Q(session__expires_at__lt=Now()) | Q(session__revoked_at__isnull=False)
        ),
        Session.objects.filter(Q(expires_at__lt=past) | Q(revoked_at__lt=past)),
        DjangoSession.objects.filter(expire_date__lt=Now()),
        AccessAttempt.objects.filter(attempt_time__lt=past),
        AccessFailureLog.objects.filter(attempt_time__lt=past),
        AccessLog.objects.filter(attempt_time__lt=past),
    )
    return desk_sessions.end_expired() + sum(_delete_batch(rows) for rows in kinds)


def _delete_batch(rows: QuerySet[Any]) -> int:
    batch = rows.values("pk")[:PRUNE_BATCH_ROWS]
    return int(rows.model._default_manager.filter(pk__in=batch).delete()[0])  # noqa: SLF001 - documented
