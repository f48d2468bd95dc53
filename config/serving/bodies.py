"""Reading of request bodies in the event loop, within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings

Receive = Callable[[], Awaitable[Any]]

#: A larger body is kept in a temporary file, so that many slow uploads do not fill the memory.
MEMORY_BYTES = 64 * 1024


class BodyBroken(Exception):
    """The body ended early, because the client left or sent no valid chunks."""


class BodyTooSlow(Exception):
    """The body arrived more slowly than WEB_BODY_BYTES_PER_SECOND."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request body: its file, its length, and whether it was read to its end."""

    file: IO[bytes]
    length: int
    is_complete: bool


async def read_body(receive: Receive, limit: int) -> Body:
    """Read up to `limit` bytes of the body; a larger body is returned incomplete.

    Reading may take WEB_BODY_GRACE_SECONDS, and a second more for each WEB_BODY_BYTES_PER_SECOND
    that have arrived.

    Raises:
        BodyTooSlow: it took longer.
        BodyBroken: the body ended early.
    """
    file = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed after the answer
    try:
        return await _fill(file, receive, limit)
    except BaseException:
        file.close()
        raise


async def _fill(file: IO[bytes], receive: Receive, limit: int) -> Body:
    loop, length, has_more = asyncio.get_running_loop(), 0, True
    started = loop.time()
    while has_more and length <= limit:
        patience = settings.WEB_BODY_GRACE_SECONDS + length / settings.WEB_BODY_BYTES_PER_SECOND
        try:
            async with asyncio.timeout_at(started + patience):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlow from None
        if message["type"] != "http.request":
            raise BodyBroken
        chunk = message.get("body", b"")
        has_more = message.get("more_body", False)
        file.write(chunk)
        length += len(chunk)
    file.seek(0)
    return Body(file, length, is_complete=length <= limit)
