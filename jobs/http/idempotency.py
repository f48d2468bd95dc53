"""The `Idempotency-Key` header: a repeated creating request has one effect and one answer.

Follows draft-ietf-httpapi-idempotency-key-header-07. The whole handler runs in one transaction that
also stores its answer. An advisory lock on the key, which PostgreSQL drops with the transaction,
keeps a second request out. So a crash at any moment leaves either the effect with its answer or
neither, and never a locked key.
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
    """Make a view's `post` honour `Idempotency-Key`; without the header nothing changes.

    A repetition gets the stored answer with `Idempotency-Replayed: true`. Only answers below 400
    are stored: an error answer leaves the key free. What a 4xx answer committed stays committed,
    exactly as without the header; a 5xx answer commits nothing. `limits.hit` cannot be called
    inside the handler: limit in `throttle_classes` or `initial`.

    Raises:
        IdempotencyKeyInvalid: the key is not 1 to 255 printable ASCII characters.
        IdempotencyKeyInUse: the first request with the key has not finished.
        IdempotencyKeyReused: the key belongs to a different request.
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
    """Mark a handler that calls an idempotent method, so that the API's schema shows the header."""
    handler.is_idempotent = True  # type: ignore[attr-defined]
    return handler


@dataclass(frozen=True, slots=True)
class _Use:
    """The use of one owner's key by one request."""

    owner: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, request: Request) -> _Use | None:
        """Read the header, dropping quotes around the key as in the draft; None without a header.

        Raises:
            IdempotencyKeyInvalid: the key is not 1 to 255 printable ASCII characters.
        """
        header = request.headers.get("Idempotency-Key")
        if header is None:
            return None
        key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
        if not _KEY.fullmatch(key):
            raise IdempotencyKeyInvalid
        return cls(owner=_owner(request), key=key, fingerprint=_fingerprint(request))

    def lock(self) -> None:
        """Lock the key until the transaction ends.

        PostgreSQL ends the transaction of a process that stands still for IDEMPOTENCY_LOCK_SECONDS.

        Raises:
            IdempotencyKeyInUse: another request holds the lock.
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
        """Return the stored answer to an earlier identical request, or None.

        It is a separate statement after `lock`, to see what the lock's last holder committed.

        Raises:
            IdempotencyKeyReused: the key belongs to a different request.
        """
        stored = IdempotencyKey.objects.filter(owner=self.owner, key=self.key).first()
        if stored is not None and stored.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused
        return stored

    def store(self, response: Response) -> None:
        """Store the answer exactly as it will be rendered, encrypted for its tracking token."""
        IdempotencyKey.objects.create(
            owner=self.owner,
            key=self.key,
            fingerprint=self.fingerprint,
            status=response.status_code,
            headers={name: value for name, value in response.items() if name != "Content-Type"},
            sealed_body=sealing.seal_bytes(JSONRenderer().render(response.data)),
        )


def _owner(request: Request) -> str:
    """Return whose key it is, so that the keys of different users never meet.

    People who are not signed in share one space, since their keys are random. Their addresses would
    not do: a phone that repeats a request has often just changed networks.
    """
    return f"user:{request.user.pk}" if request.user.is_authenticated else "anonymous"


def _fingerprint(request: Request) -> str:
    """Return a digest of the method, the path and the parsed body.

    White space and the order of fields in the body make no difference.
    """
    data = dict(request.data.lists()) if isinstance(request.data, QueryDict) else request.data
    body = json.dumps(data, sort_keys=True, default=_file_digest)
    return hashlib.sha256(f"{request.method} {request.path_info}\n{body}".encode()).hexdigest()


def _file_digest(file: Any) -> str:
    """Return the digest that represents an uploaded file in the fingerprint."""
    if not isinstance(file, UploadedFile):
        raise TypeError(f"cannot fingerprint {type(file).__name__}")
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _replay(stored: IdempotencyKey) -> HttpResponse:
    """Return the stored answer, as it was given the first time."""
    body = sealing.unseal_bytes(stored.sealed_body)
    response = HttpResponse(body, status=stored.status, content_type="application/json")
    for name, value in {**stored.headers, "Idempotency-Replayed": "true"}.items():
        response[name] = value
    if not body:
        del response.headers["Content-Type"]
    return response
