"""The limit on requests of a partner within an hour."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from rest_framework.request import Request
from rest_framework.views import APIView

from jobs.http.throttling import LimitThrottle


class PartnerThrottle(LimitThrottle):
    """Limits all requests of a partner, counted together for all of its keys.

    It bounds the load that one program causes, so invalid and repeated requests count too.
    """

    period = timedelta(hours=1)

    @property
    def limit(self) -> int:  # type: ignore[override]  # read late, at each request
        return int(settings.MATCHING_PARTNER_REQUESTS_PER_HOUR)

    def key(self, request: Request, view: APIView) -> str | None:
        return None if request.user.pk is None else f"matching:partner:{request.user.pk}"
