"""Partner organisations and the keys by which the API knows them."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import audit
from matching.models import Partner, PartnerKey

SCHEME = "Api-Key"
PREFIX = "clp_"


def create_key(partner: Partner, *, label: str = "", by: UUID | None = None) -> str:
    """A new key of the partner, which the audit log tells of; only this answer ever tells the key."""
    key = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        stored = PartnerKey.objects.create(partner=partner, label=label, digest=_digest(key))
        _record("partner_key.created", stored, by)
    return key


def partner_named(name: str) -> Partner:
    """The partner of that name, made if there is none."""
    with transaction.atomic():
        partner, _ = Partner.objects.get_or_create(name=name)
    return partner


def revoke_key(key: PartnerKey, *, by: UUID | None = None) -> bool:
    """The key is honoured no more, which the audit log tells of; False where it was not before."""
    with transaction.atomic():
        is_revoked = PartnerKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()) == 1
        if is_revoked:
            _record("partner_key.revoked", key, by)
    return is_revoked


def _record(event: str, key: PartnerKey, by: UUID | None) -> None:
    audit.record(event, actor_id=by, subject=f"partner_key:{key.pk}", data={"partner": str(key.partner_id)})


def _digest(key: str) -> bytes:
    """Keys are long and random, so a plain digest cannot be guessed back."""
    return hashlib.sha256(key.encode()).digest()


class PartnerAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>` or `X-Api-Key: <key>`; the request's user is then the partner."""

    def authenticate(self, request: Request) -> tuple[Partner, PartnerKey] | None:
        scheme, _, key = get_authorization_header(request).decode("latin-1").partition(" ")
        key = key if scheme.lower() == SCHEME.lower() else request.headers.get("X-Api-Key", "")
        if not key:
            return None
        found = (
            PartnerKey.objects.select_related("partner")
            .filter(digest=_digest(key.strip()), revoked_at=None, partner__is_active=True)
            .first()
        )
        if found is None:
            raise AuthenticationFailed("The API key is unknown or was revoked.")
        return found.partner, found

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class IsPartner(BasePermission):
    """Those a partner's key was shown for."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Partner)
