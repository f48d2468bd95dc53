"""Encryption of personal values in records that cannot be changed, with one key for each person.

Destroying a person's key makes their values unreadable everywhere, also where no row may be edited.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken

from accounts.models import PersonKey
from jobs import sealing


def seal_for(user_id: UUID, values: dict[str, Any]) -> str:
    """Return `values` (JSON) encrypted under the person's key, which is created at first use."""
    return _box(_key_row(user_id)).encrypt(json.dumps(values).encode()).decode()


def open_for(user_id: UUID, sealed: str) -> dict[str, Any] | None:
    """Return the decrypted values; None once the person's key is destroyed."""
    row = PersonKey.objects.filter(user_id=user_id).first()
    if row is None:
        return None
    try:
        values: dict[str, Any] = json.loads(_box(row).decrypt(sealed.encode()))
    except InvalidToken:
        return None
    return values


def destroy(user_id: UUID) -> None:
    """Destroy the person's key, so that all values encrypted under it become unreadable."""
    PersonKey.objects.filter(user_id=user_id).delete()


def reseal() -> int:
    """Encrypt every person's key anew with the first of JOBS_SEAL_KEYS; return how many."""
    rows = list(PersonKey.objects.all())
    for row in rows:
        row.sealed_key = sealing.seal_bytes(sealing.unseal_bytes(row.sealed_key))
    PersonKey.objects.bulk_update(rows, ["sealed_key"], batch_size=1000)
    return len(rows)


def _key_row(user_id: UUID) -> PersonKey:
    fresh = sealing.seal_bytes(Fernet.generate_key())
    row, _ = PersonKey.objects.get_or_create(user_id=user_id, defaults={"sealed_key": fresh})
    return row


def _box(row: PersonKey) -> Fernet:
    return Fernet(sealing.unseal_bytes(row.sealed_key))
