"""SMS through an HTTP provider.

Each message is a `POST SMS_PROVIDER_URL {to, body}` with a bearer token and an Idempotency-Key.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from django.conf import settings

from jobs.http import strict_json
from jobs.http.clients import NoRedirects
from jobs.http.pauses import retry_after
from notifications.channels import Message
from notifications.errors import ChannelError

LONGEST_ANSWER_BYTES = 65_536
#: Status codes of the 4xx range after which another attempt may succeed; 401 and 403 mean that the
#: token is wrong, which an operator will correct.
WORTH_RETRYING = {401, 403, 408, 409, 425, 429}


def send(message: Message, *, idempotency_key: str) -> str:
    """Post the message to the provider; return the provider's id for it, or "".

    Raises:
        ChannelError: the provider refused the message or did not answer.
    """
    try:
        with build_opener(NoRedirects).open(
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
    """Return the `id` of the answer, or "" if it has none.

    The message was taken, so an answer that cannot be read is no reason to send it again.
    """
    try:
        content: Any = strict_json.loads(answer.decode())
    except ValueError:
        return ""
    return str(content.get("id") or "")[:200] if isinstance(content, dict) else ""
