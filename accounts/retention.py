"""Deleting what signing in left behind."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import OtpChallenge, RefreshToken

#: Rows of each kind deleted at once: few enough that nobody waits behind it.
PRUNE_BATCH_ROWS = 1_000


def prune() -> int:
    """Delete one batch each of one-time codes past JOBS_RETENTION_DAYS and of refresh tokens;
    return how many rows.

    A token stays as long as its session, or a thief's use of it would not be noticed.
    """
    now = timezone.now()
    codes = OtpChallenge.objects.filter(
        created_at__lt=now - timedelta(days=settings.JOBS_RETENTION_DAYS)
    )
    tokens = RefreshToken.objects.filter(
        Q(session__expires_at__lt=now) | Q(session__revoked_at__isnull=False)
    )
    batches = (
        rows.model.objects.filter(pk__in=rows.values("pk")[:PRUNE_BATCH_ROWS])
        for rows in (codes, tokens)
    )
    return sum(batch.delete()[0] for batch in batches)
