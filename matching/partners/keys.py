"""Partner organisations and their API keys."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from matching.models import Partner, PartnerKey

PREFIX = "clp_"


def create_key(partner: Partner, *, label: str = "", by: UUID | None = None) -> str:
    """Create a key for the partner, write it to the audit log, and return it.

    Only its digest is stored, so this is the only time that it can be read.

    Raises:
        ValidationError: the label cannot be stored.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    stored = PartnerKey(partner=partner, label=label, digest=_digest(key))
    stored.clean_fields(exclude=["partner"])
    with transaction.atomic():
        stored.save(force_insert=True)
        _record("partner_key.created", stored, by)
    return key


def valid_key(key: str) -> PartnerKey | None:
    """Return the stored key with its partner.

    Returns None for a key that is unknown or revoked, and for one of an inactive partner.
    """
    valid = PartnerKey.objects.filter(revoked_at=None, partner__is_active=True).select_related(
        "partner"
    )
    return valid.filter(digest=_digest(key)).first()


def partner_named(name: str) -> Partner:
    """Return the partner of that name; create it if there is none.

    Raises:
        ValidationError: the name cannot be stored.
    """
    Partner(name=name).clean_fields()
    with transaction.atomic():
        partner, _ = Partner.objects.get_or_create(name=name)
    return partner


def revoke_key(key: PartnerKey, *, by: UUID | None = None) -> bool:
    """Revoke the key and write that to the audit log; return False if it was revoked before."""
    with transaction.atomic():
        is_revoked = (
            PartnerKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()) == 1
        )
        if is_revoked:
            _record("partner_key.revoked", key, by)
    return is_revoked


def _record(event: str, key: PartnerKey, by: UUID | None) -> None:
    audit.record(
        event, actor_id=by, subject=f"partner_key:{key.pk}", data={"partner": str(key.partner_id)}
    )


def _digest(key: str) -> bytes:
    """Return the key's SHA-256. Keys are long and random, so it needs no salt."""
    return hashlib.sha256(key.encode()).digest()
