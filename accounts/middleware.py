"""Middleware that records the client of a request, reads the session of the desk, and limits the
rights of staff.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from accounts import origins, totp
from accounts.desk.session_store import SessionStore

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class OriginMiddleware:
    """Make the request's client known to the audit log, wherever an event is written."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with origins.bound(origins.of_request(request)):
            return self.get_response(request)


class DeskSessionMiddleware(SessionMiddleware):
    """Read the session of the desk.

    Requests that a page's script sends without its reader, which have the header `X-Unattended`, do
    not count as use of the session.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        session = cast("SessionStore", request.session)
        session.is_attended = "X-Unattended" not in request.headers


class SecondFactorMiddleware:
    """Give a session of the desk or the public pages staff rights only with the second factor.

    It stands after OTPMiddleware, which says whether the session began with a code.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        request.user = SimpleLazyObject(  # type: ignore[assignment]
            lambda: totp.limit_rights(user, has_second_factor=user.is_verified())  # type: ignore[union-attr]
        )
        return self.get_response(request)
