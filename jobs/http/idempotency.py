"""The `Idempotency-Key` header: a creating request that is repeated has one effect and one answer.

Follows draft-ietf-httpapi-idempotency-key-header-07. The whole handler runs in one transaction that
also stores its answer, under an advisory lock on the key that PostgreSQL drops with the
transaction. So a crash at any instant leaves either the effect with its answer or neither, and
never a key that stays locked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.http import HttpResponse, QueryDict
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import sealing
from jobs.errors import IdempotencyKeyInUse, IdempotencyKeyInvalid, IdempotencyKeyReused
from jobs.models import IdempotencyKey

_KEY = re.compile(r"[\x20-\x7e]{1,255}")

V = TypeVar("V", bound=APIView)
P = ParamSpec("P")
R = TypeVar("R")
Handler = Callable[Concatenate[V, Request, P], Response]


def idempotent(handler: Handler[V, P]) -> Callable[Concatenate[V, Request, P], HttpResponse]:
    """Make a view's `post` honour `Idempotency-Key`; without the header it is called as it is.

    A repetition gets the stored answer with `Idempotency-Replayed: true`. Only answers below 400
    are stored: an error answer leaves the key free. What a 4xx answer committed stays committed,
    exactly as without the header; a 5xx commits nothing. `limits.hit` cannot be called inside the
    handler: limit in `throttle_classes` or `initial`. Raises IdempotencyKeyInvalid (no printable
    ASCII of 1 to 255 characters), IdempotencyKeyInUse (its first request has not finished) and
    IdempotencyKeyReused (it belongs to another request).
    """

    @wraps(handler)
    def answer_once(
        view: V, request: Request, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        use = _Use.of(request)
        if use is None:
            return handler(view, request, *args, **kwargs)
        with transaction.atomic():
            use.lock()
            stored = use.stored_answer()
            if stored is not None:
                return _replay(stored)
            try:
                response = handler(view, request, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - the framework's own error path; it re-raises what it does not know
                response = view.handle_exception(error)
            if response.status_code < 400:
                use.store(response)
            elif response.status_code >= 500:
                transaction.set_rollback(True)
        return response

    answer_once.is_idempotent = True  # type: ignore[attr-defined]  # read by the OpenAPI schema
    return answer_once


def hands_on_its_key(handler: Callable[P, R]) -> Callable[P, R]:
    """Mark a handler that leaves the creating part of its work to an idempotent method, for the
    OpenAPI schema.
    """
    handler.is_idempotent = True  # type: ignore[attr-defined]
    return handler


@dataclass(frozen=True, slots=True)
class _Use:
    """One request's use of one owner's key."""

    owner: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, request: Request) -> _Use | None:
        """Read the header; None when the request has none.

        Quotes around the key, as in the draft, are dropped.
        """
        header = request.headers.get("Idempotency-Key")
        if header is None:
            return None
        key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
        if not _KEY.fullmatch(key):
            raise IdempotencyKeyInvalid
        return cls(owner=_owner(request), key=key, fingerprint=_fingerprint(request))

    def lock(self) -> None:
        """Hold the key until the transaction ends.

        A backend whose client vanished gives up after the timeout.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)),"
                " set_config('idle_in_transaction_session_timeout', %s, true)",
                [f"idempotency {self.owner} {self.key}", f"{settings.IDEMPOTENCY_LOCK_SECONDS}s"],
            )
            if not cursor.fetchone()[0]:
                raise IdempotencyKeyInUse

    def stored_answer(self) -> IdempotencyKey | None:
        """Return the answer to an earlier identical request.

        A statement of its own after `lock`, because it must see what the lock's last holder
        committed.
        """
        stored = IdempotencyKey.objects.filter(owner=self.owner, key=self.key).first()
        if stored is not None and stored.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused
        return stored

    def store(self, response: Response) -> None:
        """Keep the answer, byte for byte as it is going to be rendered; sealed, since it may hold a
        tracking token.
        """
        IdempotencyKey.objects.create(
            owner=self.owner,
            key=self.key,
            fingerprint=self.fingerprint,
            status=response.status_code,
            headers={name: value for name, value in response.items() if name != "Content-Type"},
            sealed_body=sealing.seal_bytes(JSONRenderer().render(response.data)),
        )


def _owner(request: Request) -> str:
    """Name whose key it is: one user's keys never meet another's.

    Those not signed in share one space, told apart by the key's own randomness: an address would
    not do, because a phone that repeats a request has often just changed networks.
    """
    return f"user:{request.user.pk}" if request.user.is_authenticated else "anonymous"


def _fingerprint(request: Request) -> str:
    """Digest the method, the path and the parsed body, so that white space and field order do not
    matter.
    """
    data = dict(request.data.lists()) if isinstance(request.data, QueryDict) else request.data
    body = json.dumps(data, sort_keys=True, default=_file_digest)
    return hashlib.sha256(f"{request.method} {request.path_info}\n{body}".encode()).hexdigest()


def _file_digest(file: Any) -> str:
    """Stand in for an uploaded file in the fingerprint."""
    if not isinstance(file, UploadedFile):
        raise TypeError(f"cannot fingerprint {type(file).__name__}")
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _replay(stored: IdempotencyKey) -> HttpResponse:
    """Answer as the first time."""
    body = sealing.unseal_bytes(stored.sealed_body)
    response = HttpResponse(body, status=stored.status, content_type="application/json")
    for name, value in {**stored.headers, "Idempotency-Replayed": "true"}.items():
        response[name] = value
    if not body:
        del response.headers["Content-Type"]
    return response
