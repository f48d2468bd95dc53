"""The token of a link with which a reporter says whether a problem is repaired.

It names one resolution of one report and is signed. It says nothing about the reporter, and can be
used for nothing else. Until when it is valid follows from the report itself.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from reports.errors import LinkInvalid

_PURPOSE = b"civiclens.confirm-repair.1"
_ID_BYTES, _CHANGE_BYTES, _SIGNATURE_BYTES = 16, 8, 16


class Resolution(NamedTuple):
    """A report, and the line of its history by which it was resolved."""

    report_id: UUID
    change_id: int


def make(resolution: Resolution) -> str:
    """Return the token, 54 characters that an address can hold."""
    payload = resolution.report_id.bytes + resolution.change_id.to_bytes(_CHANGE_BYTES, "big")
    return urlsafe_b64encode(payload + _signature(payload)).rstrip(b"=").decode("ascii")


def read(token: str) -> Resolution:
    """Return the resolution that a token names.

    Raises:
        LinkInvalid: nobody here made it, or not all of it arrived.
    """
    try:
        data = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (NotBase64, UnicodeEncodeError) as error:
        raise LinkInvalid from error
    payload, signature = data[:-_SIGNATURE_BYTES], data[-_SIGNATURE_BYTES:]
    has_length = len(payload) == _ID_BYTES + _CHANGE_BYTES
    if not has_length or not hmac.compare_digest(signature, _signature(payload)):
        raise LinkInvalid
    change_id = int.from_bytes(payload[_ID_BYTES:], "big")
    return Resolution(UUID(bytes=payload[:_ID_BYTES]), change_id)


def _signature(payload: bytes) -> bytes:
    key = settings.CONFIRMATION_KEY.encode()
    return hmac.digest(key, _PURPOSE + payload, "sha256")[:_SIGNATURE_BYTES]
