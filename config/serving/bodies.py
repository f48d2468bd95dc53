"""Reading request bodies without a thread, within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings

Receive = Callable[[], Awaitable[Any]]

#: A larger body waits in a temporary file, so that many slow uploads do not fill the memory.
MEMORY_BYTES = 64 * 1024


class BodyBroken(Exception):
    """The body ended early, because the client left or sent no valid chunks."""


class BodyTooSlow(Exception):
    """The body came more slowly than WEB_BODY_BYTES_PER_SECOND."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request body: its file, its length, and whether it was read to its end."""

    file: IO[bytes]
    length: int
    is_complete: bool


async def read_body(receive: Receive, most: int) -> Body:
    """Read the body, up to `most` bytes; one that is larger is not complete.

    It may take WEB_BODY_GRACE_SECONDS, and a second more for each WEB_BODY_BYTES_PER_SECOND that
    have come. Raises BodyTooSlow and BodyBroken.
    """
    file = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed by who answers
    try:
        return await _fill(file, receive, most)
    except BaseException:
        file.close()
        raise


async def _fill(file: IO[bytes], receive: Receive, most: int) -> Body:
    loop, length, has_more = asyncio.get_running_loop(), 0, True
    started = loop.time()
    while has_more and length <= most:
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
    return Body(file, length, is_complete=length <= most)
