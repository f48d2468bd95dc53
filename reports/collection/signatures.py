"""Who sends to a webhook: the signature of a request, and its time.

The sender computes `HMAC-SHA256(secret, "<timestamp>.<body>")` with the time in seconds since 1970,
and sends both in headers.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from jobs.ledger import database
from reports.models import Source, SourceKind

TIMESTAMP_HEADER = "X-CivicLens-Timestamp"
SIGNATURE_HEADER = "X-CivicLens-Signature"


class Sender(AnonymousUser):
    """The sender of a webhook; no user of CivicLens."""

    is_machine = True  # no person waits for what its requests send

    def __init__(self, source: Source, signature: str) -> None:
        super().__init__()
        self.source, self.signature = source, signature


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a request, 64 hexadecimal digits."""
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()


class SenderAuthentication(BaseAuthentication):
    """Authentication by the signature with the source's secret."""

    def authenticate(self, request: Request) -> tuple[Sender, None] | None:
        timestamp = request.headers.get(TIMESTAMP_HEADER, "")
        signature = request.headers.get(SIGNATURE_HEADER, "").lower().removeprefix("sha256=")
        if not timestamp or not signature:
            return None
        source = _source(request)
        secret = source.webhook_secret() if source else ""
        expected = sign(secret, timestamp, request._request.body)  # noqa: SLF001 - before parsing
        if source is None or not hmac.compare_digest(expected.encode(), signature.encode()):
            raise AuthenticationFailed("The signature is not this source's for this body.")
        if not _is_fresh(timestamp):
            raise AuthenticationFailed("The timestamp is too old or too far ahead.")
        return Sender(source, expected), None

    def authenticate_header(self, request: Request) -> str:
        return "Signature"


def _source(request: Request) -> Source | None:
    pk = request.parser_context["kwargs"]["pk"]
    return Source.objects.filter(pk=pk, kind=SourceKind.WEBHOOK, is_enabled=True).first()


def _is_fresh(timestamp: str) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    difference = abs(database.now().timestamp() - int(timestamp))
    return difference <= settings.COLLECTION_WEBHOOK_TOLERANCE_SECONDS


class IsSender(BasePermission):
    """Permission for the sender of the source alone."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Sender)


class SignatureScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The signature in the OpenAPI document."""

    target_class = "reports.collection.signatures.SenderAuthentication"
    name = "webhook_signature"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": SIGNATURE_HEADER,
            "description": "HMAC-SHA256 of `<timestamp>.<body>` with the secret of the source, in "
            f"hexadecimal digits; {TIMESTAMP_HEADER} has the timestamp, in seconds since 1970.",
        }
