"""Django REST framework's throttle interface over `jobs.http.limits`."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from jobs.http import limits, waiting


class LimitThrottle(BaseThrottle):
    """Allows at most `limit` requests in `period` for one `key`.

    A view lists subclasses in `throttle_classes`. They run before the handler and so outside any
    transaction, as `limits.hit` requires.
    """

    limit: int
    period: timedelta
    retry_after: int = 0

    @abstractmethod
    def key(self, request: Request, view: APIView) -> str | None:
        """Return the key to count under, such as `reports:create:ip:203.0.113.7`.

        None exempts the request.
        """

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = self.key(request, view)
        if key is None or waiting.awaited(request) is not None:
            return True
        outcome = limits.hit(key, self.limit, self.period)
        self.retry_after = outcome.retry_after
        return outcome.allowed

    def wait(self) -> float:
        return self.retry_after
