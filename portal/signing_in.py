"""Signing in at the public pages by a code that comes by SMS, and signing out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods
from rest_framework.exceptions import ValidationError

from accounts import origins, signin
from accounts.errors import AccountDisabled, TooManyCodes, TooManyGuesses
from accounts.serializers import RequestOtpSerializer, VerifyOtpSerializer
from jobs.errors import DomainError
from portal import citizens
from portal.pages import lead_to, page, show, takes_form_of


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_protect
@page
def phone_page(request: HttpRequest) -> HttpResponse:
    """Ask for a phone number, and send a code to it."""
    if request.method != "POST":
        return _form(request)
    body = RequestOtpSerializer(
        data={
            "phone": request.POST.get("phone", ""),
            "device_token": citizens.device_token(request),
        }
    )
    try:
        body.is_valid(raise_exception=True)
        issued = signin.request_code(**body.validated_data, origin=origins.of_request(request))
    except (ValidationError, DomainError) as error:
        return _form(request, error=error)
    return _form(request, challenge_id=str(issued.challenge_id))


@takes_form_of("portal-sign-in")
@csrf_protect
@page
def code_page(request: HttpRequest) -> HttpResponse:
    """Take the code, and lead to where the person wanted to go.

    The token of forms stays, so that one that was opened before, in another tab, can still be sent:
    no other host can have set its cookie, and the browser names the page that sends a form.
    """
    sent = {name: request.POST.get(name, "") for name in ("phone", "challenge_id", "code")}
    body = VerifyOtpSerializer(data=sent)
    try:
        body.is_valid(raise_exception=True)
        signed_in = signin.sign_in(**body.validated_data, origin=origins.of_request(request))
    except (ValidationError, DomainError) as error:
        return _form(request, challenge_id=sent["challenge_id"], error=error)
    response = lead_to(destination(request))
    citizens.sign_in(request, response, signed_in)
    return response


@takes_form_of("home")
@csrf_protect
@page
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session of this browser, and lead to the first page."""
    response = lead_to(reverse("home"))
    citizens.sign_out(request, response)
    return response


def destination(request: HttpRequest) -> str:
    """Return the address of ours to which a sign-in leads: `next`, or one's own reports."""
    wish = request.POST.get("next") or request.GET.get("next") or ""
    is_here = wish.startswith("/") and url_has_allowed_host_and_scheme(wish, allowed_hosts=None)
    return wish if is_here else reverse("portal-mine")


def _form(
    request: HttpRequest, *, challenge_id: str = "", error: Exception | None = None
) -> HttpResponse:
    """Return the form for the number, or, once a code was sent, for the code."""
    wish = destination(request)
    context: dict[str, Any] = {
        "phone": request.POST.get("phone", ""),
        "challenge_id": challenge_id,
        "next": wish,
        "address": f"{reverse('portal-sign-in')}?{urlencode({'next': wish})}",
        "faults": _faults(error, "code" if challenge_id else "phone") if error else {},
    }
    response = show(request, "sign_in.html", context, status=_status(error))
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def _faults(error: Exception, field: str) -> dict[str, str]:
    """Return what was wrong, by the field at which it is shown."""
    if not isinstance(error, ValidationError):
        return {field: str(error)}
    texts: Any = error.detail
    if set(texts) == {"code"}:
        return {field: _("The code of the message has six digits.")}
    return {field: " ".join(str(text) for name in texts for text in texts[name])}


def _status(error: Exception | None) -> HTTPStatus:
    match error:
        case None:
            return HTTPStatus.OK
        case TooManyCodes() | TooManyGuesses():
            return HTTPStatus.TOO_MANY_REQUESTS
        case AccountDisabled():
            return HTTPStatus.FORBIDDEN
    return HTTPStatus.BAD_REQUEST
