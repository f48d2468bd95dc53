"""SMS through an HTTP provider: `POST SMS_PROVIDER_URL {to, body}` with a bearer token and an
Idempotency-Key.
"""

from __future__ import annotations

import json
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings

from jobs.http import strict_json
from notifications.channels import Message
from notifications.channels.pauses import retry_after
from notifications.errors import ChannelError

LONGEST_ANSWER_BYTES = 65_536
#: Answers in the 4xx range that say "later", not "never"; 401 and 403 mean that our token wants
#: mending.
WORTH_RETRYING = {401, 403, 408, 409, 425, 429}


class _NoRedirects(HTTPRedirectHandler):
    """A redirected POST would lose its body, and take our token elsewhere."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def send(message: Message, *, idempotency_key: str) -> str:
    """Hand the message to the provider; the answer's `id` is the provider's name for it."""
    try:
        with build_opener(_NoRedirects).open(
            _request(message, idempotency_key), timeout=settings.SMS_PROVIDER_TIMEOUT_SECONDS
        ) as response:
            return _provider_id(response.read(LONGEST_ANSWER_BYTES))
    except HTTPError as error:
        error.close()
        permanent = 400 <= error.code < 500 and error.code not in WORTH_RETRYING
        raise ChannelError(
            f"The SMS provider answered {error.code}.",
            permanent=permanent,
            retry_after=retry_after(error.headers),
        ) from error
    except (OSError, HTTPException) as error:
        raise ChannelError(
            f"The SMS provider did not answer: {type(error).__name__}.", permanent=False
        ) from error


def _request(message: Message, idempotency_key: str) -> Request:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {settings.SMS_PROVIDER_TOKEN}",
        "Idempotency-Key": idempotency_key,
    }
    body = json.dumps({"to": message.to, "body": message.body}).encode()
    return Request(settings.SMS_PROVIDER_URL, data=body, headers=headers, method="POST")  # noqa: S310 - checked at start


def _provider_id(answer: bytes) -> str:
    """The message was taken, so an answer without an id is no reason to send it again."""
    try:
        found: Any = strict_json.loads(answer.decode())
    except ValueError:
        return ""
    return str(found.get("id") or "")[:200] if isinstance(found, dict) else ""
