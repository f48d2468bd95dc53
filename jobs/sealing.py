"""Encrypt values that no reader of the database may see; the keys are kept outside it."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from jobs.errors import SealBroken


def seal(arguments: dict[str, Any]) -> bytes:
    """Return `arguments` (JSON) encrypted and authenticated with the first of JOBS_SEAL_KEYS."""
    return seal_bytes(json.dumps(arguments).encode())


def unseal(sealed: bytes) -> dict[str, Any]:
    """Return the arguments that were passed to `seal`, decrypted with any of JOBS_SEAL_KEYS.

    Raises:
        SealBroken: none of the keys fits, or the bytes were changed.
    """
    arguments: dict[str, Any] = json.loads(unseal_bytes(sealed))
    return arguments


def seal_bytes(content: bytes) -> bytes:
    """Return `content` encrypted and authenticated with the first of JOBS_SEAL_KEYS."""
    return _box(tuple(settings.JOBS_SEAL_KEYS)).encrypt(content)


def unseal_bytes(sealed: bytes | memoryview) -> bytes:
    """Return the content that was passed to `seal_bytes`.

    Raises:
        SealBroken: none of the keys fits, or the bytes were changed.
    """
    try:
        return _box(tuple(settings.JOBS_SEAL_KEYS)).decrypt(bytes(sealed))
    except InvalidToken:
        raise SealBroken from None


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_fernet_key(key)) for key in keys])


def _fernet_key(key: str) -> bytes:
    """Return a key of any length as the 32 bytes that Fernet needs, in Base64."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"civiclens.jobs.seal:" + key.encode()).digest())
