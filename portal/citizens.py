"""Who is signed in at the public pages: the session that a cookie of the browser names."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts import sessions
from accounts.models import Session, User
from accounts.signin import SignedIn

SESSION, DEVICE = "citizen", "device"


def identify(request: HttpRequest) -> None:
    """Make whoever is signed in here the user of the request, with no rights of staff.

    Nobody of the desk is replaced. The session is read when the user is first looked at.
    """
    at_desk = request.user
    request.user = SimpleLazyObject(lambda: _user(request, at_desk))  # type: ignore[assignment]


def _user(request: HttpRequest, at_desk: object) -> object:
    session = None if isinstance(at_desk, User) else session_of(request)
    if session is None:
        return at_desk
    session.user.withhold_staff_rights()
    return session.user


def session_of(request: HttpRequest) -> Session | None:
    """Return the session of the browser, or None where nobody is signed in."""
    token = request.COOKIES.get(cookie_name(SESSION))
    return sessions.resume(token) if token else None


def sign_in(request: HttpRequest, response: HttpResponse, signed_in: SignedIn) -> None:
    """Give the browser its session, and what gives the device limits of its own.

    A session that the browser had before ends, since nothing could name it any more.
    """
    sessions.end(request.COOKIES.get(cookie_name(SESSION), ""))
    _set(response, SESSION, signed_in.tokens.refresh)
    _set(response, DEVICE, signed_in.device_token)


def sign_out(request: HttpRequest, response: HttpResponse) -> None:
    """End the session of the browser, and have it forget the session."""
    sessions.end(request.COOKIES.get(cookie_name(SESSION), ""))
    response.delete_cookie(cookie_name(SESSION), samesite="Lax")


def device_token(request: HttpRequest) -> str:
    """Return the token of a device that signed in here before, or ""."""
    return request.COOKIES.get(cookie_name(DEVICE), "")


def cookie_name(name: str) -> str:
    """Return the full name; with `__Host-` no other host can set the cookie (RFC 6265bis)."""
    return f"__Host-{name}" if settings.SESSION_COOKIE_SECURE else name


def _set(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=settings.SIGN_IN_LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
