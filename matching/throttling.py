"""Limits on requests of a citizen or partner within an hour."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from rest_framework.request import Request
from rest_framework.views import APIView

from jobs.http.throttling import LimitThrottle


class HourlyThrottle(LimitThrottle):
    """Limits the requests of a user or partner within an hour to the setting named `limit_setting`.

    `method` is empty for every method. `subject` names what is counted: views with the same subject
    share the count.
    """

    period = timedelta(hours=1)
    limit_setting: str
    subject: str
    method = ""

    @property
    def limit(self) -> int:  # type: ignore[override]  # read late, at each request
        return int(getattr(settings, self.limit_setting))

    def key(self, request: Request, view: APIView) -> str | None:
        if request.user.pk is None or self.method not in {"", request.method}:
            return None
        return f"matching:{self.subject}:{request.user.pk}"


class RunThrottle(HourlyThrottle):
    """Limits match runs of a citizen, counted together for all addresses that start one."""

    limit_setting, subject, method = "MATCHING_RUNS_PER_HOUR", "runs", "POST"


class ProfileEditThrottle(HourlyThrottle):
    """Limits changes of a citizen's profile, each of which has it embedded and matched anew."""

    limit_setting, subject, method = "MATCHING_PROFILE_EDITS_PER_HOUR", "profile", "PUT"


class InteractionThrottle(HourlyThrottle):
    """Limits a citizen's interactions, each of which has their matches found anew."""

    limit_setting, subject = "MATCHING_INTERACTIONS_PER_HOUR", "interactions"


class PartnerThrottle(HourlyThrottle):
    """Limits all requests of a partner, counted together for all of its keys."""

    limit_setting, subject = "MATCHING_PARTNER_REQUESTS_PER_HOUR", "partner"
