"""How much a citizen and a partner may ask for within an hour."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from rest_framework.request import Request
from rest_framework.views import APIView

from jobs.http.throttling import LimitThrottle


class HourlyThrottle(LimitThrottle):
    """At most as many requests by `method` an hour as the setting called `limit_setting` says, for
    one user or partner.

    `method` is empty for every method. `subject` names what is counted: views that share it share
    the count.
    """

    period = timedelta(hours=1)
    limit_setting: str
    subject: str
    method = ""

    @property
    def limit(self) -> int:  # type: ignore[override]  # read late, so that a deployment's value holds
        return int(getattr(settings, self.limit_setting))

    def key(self, request: Request, view: APIView) -> str | None:
        if request.user.pk is None or self.method not in {"", request.method}:
            return None
        return f"matching:{self.subject}:{request.user.pk}"


class RunThrottle(HourlyThrottle):
    """Match runs of a citizen, by whichever address they start."""

    limit_setting, subject, method = "MATCHING_RUNS_PER_HOUR", "runs", "POST"


class ProfileEditThrottle(HourlyThrottle):
    """Changes of a citizen's profile, each of which has it embedded and matched."""

    limit_setting, subject, method = "MATCHING_PROFILE_EDITS_PER_HOUR", "profile", "PUT"


class InteractionThrottle(HourlyThrottle):
    """What a citizen does with opportunities and takes back, each of which may have their matches
    found anew.
    """

    limit_setting, subject = "MATCHING_INTERACTIONS_PER_HOUR", "interactions"


class PartnerThrottle(HourlyThrottle):
    """Everything a partner asks, with whichever of its keys."""

    limit_setting, subject = "MATCHING_PARTNER_REQUESTS_PER_HOUR", "partner"
