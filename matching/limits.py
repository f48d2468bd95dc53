"""Limits on what one citizen causes within an hour, since each of it has matches computed anew."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from uuid import UUID

from django.conf import settings

from jobs.http import limits
from jobs.http.limits import Rule
from matching.errors import TooManyRequests

HOUR = timedelta(hours=1)


class Quota(Enum):
    """What is limited; the value names the setting."""

    RUNS = "MATCHING_RUNS_PER_HOUR"
    PROFILE = "MATCHING_PROFILE_EDITS_PER_HOUR"
    INTERACTIONS = "MATCHING_INTERACTIONS_PER_HOUR"


def spend(quota: Quota, user_id: UUID) -> None:
    """Count one effect in the caller's transaction.

    Requests that are invalid, refused, repeated or without effect therefore use up nothing.

    Raises:
        TooManyRequests: the citizen has used up the hour's quota.
    """
    key = f"matching:{quota.name.lower()}:{user_id}"
    refusal = limits.refusal_with_effect([Rule(key, getattr(settings, quota.value), HOUR)])
    if refusal is not None:
        raise TooManyRequests(retry_after=refusal.retry_after)
