"""How the API knows partner organisations."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from matching.models import Partner, PartnerKey
from matching.partners.keys import honoured_key

SCHEME = "Api-Key"


class PartnerAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>` or `X-Api-Key: <key>`; the request's user is then the partner."""

    def authenticate(self, request: Request) -> tuple[Partner, PartnerKey] | None:
        scheme, _, key = get_authorization_header(request).decode("latin-1").partition(" ")
        key = key if scheme.lower() == SCHEME.lower() else request.headers.get("X-Api-Key", "")
        if not key:
            return None
        found = honoured_key(key.strip())
        if found is None:
            raise AuthenticationFailed("The API key is unknown or was revoked.")
        return found.partner, found

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class IsPartner(BasePermission):
    """Those a partner's key was shown for."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Partner)
