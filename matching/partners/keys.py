"""Partner organisations and the keys by which the API knows them."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import audit
from matching.models import Partner, PartnerKey

PREFIX = "clp_"


def create_key(partner: Partner, *, label: str = "", by: UUID | None = None) -> str:
    """A new key of the partner, which the audit log tells of; only this answer ever tells the key.

    Raises ValidationError for a label that cannot be stored.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    stored = PartnerKey(partner=partner, label=label, digest=_digest(key))
    stored.clean_fields(exclude=["partner"])
    with transaction.atomic():
        stored.save(force_insert=True)
        _record("partner_key.created", stored, by)
    return key


def honoured_key(key: str) -> PartnerKey | None:
    """The stored key, with its partner, unless it is unknown, was revoked or its partner is not
    active.
    """
    honoured = PartnerKey.objects.filter(revoked_at=None, partner__is_active=True).select_related(
        "partner"
    )
    return honoured.filter(digest=_digest(key)).first()


def partner_named(name: str) -> Partner:
    """The partner of that name, made if there is none.

    Raises ValidationError for a name that cannot be stored.
    """
    Partner(name=name).clean_fields()
    with transaction.atomic():
        partner, _ = Partner.objects.get_or_create(name=name)
    return partner


def revoke_key(key: PartnerKey, *, by: UUID | None = None) -> bool:
    """The key is honoured no more, which the audit log tells of; False where it was not before."""
    with transaction.atomic():
        is_revoked = (
            PartnerKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
            == 1
        )
        if is_revoked:
            _record("partner_key.revoked", key, by)
    return is_revoked


def _record(event: str, key: PartnerKey, by: UUID | None) -> None:
    audit.record(
        event, actor_id=by, subject=f"partner_key:{key.pk}", data={"partner": str(key.partner_id)}
    )


def _digest(key: str) -> bytes:
    """Keys are long and random, so a plain digest cannot be guessed back."""
    return hashlib.sha256(key.encode()).digest()
