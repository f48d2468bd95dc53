"""How the API recognises the SMS provider's server."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

SCHEME = "Bearer"


class Provider(AnonymousUser):
    """The SMS provider's server, which sent SMS_RECEIPT_TOKEN; no user of CivicLens."""

    is_machine = True  # no person waits for what its requests send


class ProviderAuthentication(BaseAuthentication):
    """Authentication by `Authorization: Bearer <SMS_RECEIPT_TOKEN>`; 404 while that is not set."""

    def authenticate(self, request: Request) -> tuple[Provider, None] | None:
        if not settings.SMS_RECEIPT_TOKEN:
            raise NotFound
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            return None
        if not hmac.compare_digest(token.strip(), settings.SMS_RECEIPT_TOKEN.encode()):
            raise AuthenticationFailed("This is not the token of the SMS provider.")
        return Provider(), None

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class IsProvider(BasePermission):
    """Permission for the SMS provider's server alone."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Provider)
