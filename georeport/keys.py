"""The api_keys of programs: create, check, revoke."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from accounts import audit
from georeport.errors import KeyRefused, TooManyRequests
from georeport.models import REQUESTS_PER_HOUR_MAXIMUM, ApiKey
from jobs.http import limits

HOUR = timedelta(hours=1)
MARK = "cl311"
#: A key's last use is written at most so often.
USE_NOTED_EVERY = timedelta(minutes=1)

Action = Literal["submit", "update"]


def create_key(*, by: UUID | None = None, **fields: Any) -> tuple[ApiKey, str]:
    """Create a key, write it to the audit log, and return it with its text.

    Only a digest is stored, so this is the only time that the text can be read.

    Raises:
        ValidationError: a field cannot be stored.
    """
    key = ApiKey(**fields)
    text = set_secret(key)
    key.clean_fields(exclude=["digest"])
    with transaction.atomic():
        key.save(force_insert=True)
        _record("georeport_key.created", key, by)
    return key, text


def set_secret(key: ApiKey) -> str:
    """Give a key that is not stored yet its secret, and return the key's text."""
    return _set_text(key, secrets.token_hex(4), secrets.token_urlsafe(32))


def revoke(key: ApiKey, *, by: UUID | None = None) -> bool:
    """Revoke the key and write that to the audit log; return False if it was revoked before."""
    with transaction.atomic():
        standing = ApiKey.objects.filter(pk=key.pk, revoked_at=None)
        is_revoked = standing.update(revoked_at=Now()) == 1
        if is_revoked:
            _record("georeport_key.revoked", key, by)
    return is_revoked


def admitted(text: str, *, to: Action, is_test: bool) -> ApiKey:
    """Return the key of a request that sends something, counted against its limit.

    Raises:
        KeyRefused: it is missing, unknown, revoked, or not for this.
        TooManyRequests: it has sent as many requests as it may within an hour.
    """
    if not text:
        raise KeyRefused("api_key was not provided.")
    key = _valid(text)
    if key is None:
        raise KeyRefused("api_key was not found or was revoked.")
    if key.is_test and not is_test:
        raise KeyRefused("This api_key is for the test endpoint only, see discovery.")
    if not (key.may_submit if to == "submit" else key.may_update):
        what = "requests" if to == "submit" else "updates"
        raise KeyRefused(f"This api_key may not send {what}.")
    _count(key)
    return key


def may_still_submit(key_id: int) -> bool:
    """Return whether a key that sent a request earlier may send requests now."""
    return ApiKey.objects.filter(pk=key_id, revoked_at=None, may_submit=True).exists()


def _valid(text: str) -> ApiKey | None:
    """Return the key of this text; the secret is compared in constant time, as digests are."""
    prefix = text[:40].split("_", 2)[1:2]
    key = ApiKey.objects.filter(prefix__in=prefix, revoked_at=None).first()
    if key is None or not secrets.compare_digest(bytes(key.digest), _digest(text)):
        return None
    return key


def _count(key: ApiKey) -> None:
    outcome = limits.hit(f"georeport:key:{key.pk}", key.requests_per_hour, HOUR)
    if not outcome.allowed:
        raise TooManyRequests(retry_after=outcome.retry_after)
    unnoted = Q(last_used_at=None) | Q(last_used_at__lt=Now() - USE_NOTED_EVERY)
    ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=Now())


def demo_key() -> str:
    """Return the text of the development city's key, which is always the same; create it once."""
    secret = salted_hmac("civiclens.georeport.demo", "", secret=settings.SECRET_KEY).hexdigest()
    key = ApiKey(
        name="Demo app",
        organisation="Demo city",
        requests_per_hour=REQUESTS_PER_HOUR_MAXIMUM,  # load tests are welcome there
    )
    text = _set_text(key, "demo", secret)
    ApiKey.objects.filter(prefix="demo").update(digest=key.digest)
    if not ApiKey.objects.filter(prefix="demo").exists():
        key.save(force_insert=True)
    return text


def _set_text(key: ApiKey, prefix: str, secret: str) -> str:
    text = f"{MARK}_{prefix}_{secret}"
    key.prefix, key.digest = prefix, _digest(text)
    return text


def _record(event: str, key: ApiKey, by: UUID | None) -> None:
    audit.record(event, actor_id=by, subject=f"georeport_key:{key.pk}", data={"name": key.name})


def _digest(text: str) -> bytes:
    """Return the SHA-256 of a key. Keys are long and random, so it needs no salt."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
