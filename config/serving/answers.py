"""Answers of Django, kept until the client has received them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from config import problems
from config.middleware import API_PREFIX
from config.serving.bodies import MEMORY_BYTES
from georeport.answering import refusal_at
from georeport.cross_origin import HEADERS as CROSS_ORIGIN_HEADERS
from georeport.cross_origin import OPEN311_PREFIX
from portal.pages import refusal_page

Send = Callable[[Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_PART_BYTES = 64 * 1024


@dataclass
class Answer:
    """An answer: status, headers, and content in memory, or in a file if Django streams it."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    content: bytes = b""
    file: IO[bytes] | None = None
    is_refusal: bool = False

    def start(self, status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
        """Store the status and the headers; this is the `start_response` of PEP 3333."""
        self.status = int(status[:3])
        self.headers = [
            (name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers
        ]

    def take(self, parts: Iterable[bytes]) -> None:
        """Store the content of the answer.

        A streamed one is stored in a file, within the thread and transaction that make it.
        """
        if not getattr(parts, "streaming", False):
            self.content = b"".join(parts)
            return
        self.file = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed once it is sent
        for part in parts:
            self.file.write(part)
        self.file.seek(0)

    async def send(self, send: Send) -> None:
        """Send the answer at the speed at which the client receives it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        for part in self._parts():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": self.content, "more_body": False})

    def _parts(self) -> Iterator[bytes]:
        if self.file is not None:
            with self.file:
                while part := self.file.read(_PART_BYTES):
                    yield part


def refusal(
    status: HTTPStatus,
    path: str,
    *,
    accept: str = "",
    detail: str = "",
    retry_after: int | None = None,
) -> Answer:
    """Return the answer to a request that never reached Django; it closes the connection."""
    headers = {"connection": "close", "cache-control": "no-store"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    if path.startswith(OPEN311_PREFIX):
        answer = refusal_at(path, status, detail, accept=accept)
        kind, content = answer["Content-Type"], answer.content
        headers |= {name.lower(): text for name, text in CROSS_ORIGIN_HEADERS.items()}
    elif "text/html" in accept and not path.startswith(API_PREFIX):
        kind, content = "text/html; charset=utf-8", refusal_page(status, detail).encode()
    else:
        kind, content = _problem(status, path, detail=detail, retry_after=retry_after)
    headers["content-type"] = kind
    encoded = [(name.encode(), text.encode()) for name, text in headers.items()]
    return Answer(status, encoded, content, is_refusal=True)


def _problem(
    status: HTTPStatus, path: str, *, detail: str, retry_after: int | None
) -> tuple[str, bytes]:
    """Return the media type and the content of a problem document."""
    members = {} if retry_after is None else {"retry_after": retry_after}
    document = problems.document(
        problems.type_for_status(status), detail=detail, instance=path, **members
    )
    return problems.CONTENT_TYPE, json.dumps(document).encode()
