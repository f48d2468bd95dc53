"""How the API recognises partner organisations."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from matching.models import Partner, PartnerKey
from matching.partners.keys import valid_key

SCHEME = "Api-Key"


class PartnerAuthentication(BaseAuthentication):
    """Authentication by `Authorization: Api-Key <key>` or `X-Api-Key: <key>`.

    The user of the request is then the partner.
    """

    def authenticate(self, request: Request) -> tuple[Partner, PartnerKey] | None:
        scheme, _, key = get_authorization_header(request).decode("latin-1").partition(" ")
        key = key if scheme.lower() == SCHEME.lower() else request.headers.get("X-Api-Key", "")
        if not key:
            return None
        stored = valid_key(key.strip())
        if stored is None:
            raise AuthenticationFailed("The API key is unknown or was revoked.")
        return stored.partner, stored

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class IsPartner(BasePermission):
    """Permission for requests with a partner's key."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Partner)
