"""Bodies sent in chunks (RFC 9112, section 7.1), which Django would take for empty: it goes by
their length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings

_READ_BYTES = 64 * 1024


class ChunkedBodies:
    """A WSGI application that gets every chunked body with its length.

    Of one larger than API_DRAIN_MAX_BYTES it gets a byte more than that, and so refuses it. In
    memory are DATA_UPLOAD_MAX_MEMORY_SIZE bytes at most.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ.get("HTTP_TRANSFER_ENCODING") or not environ.get("wsgi.input_terminated"):
            return self.application(environ, start_response)
        with SpooledTemporaryFile(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) as body:
            environ["CONTENT_LENGTH"] = str(_copy(environ["wsgi.input"], body))
            environ["wsgi.input"] = body
            return self.application(environ, start_response)


def _copy(stream: IO[bytes], body: IO[bytes]) -> int:
    """Fill `body` from the stream, and tell how many bytes there are to be read from it."""
    left = settings.API_DRAIN_MAX_BYTES + 1
    while left and (chunk := stream.read(min(left, _READ_BYTES))):
        body.write(chunk)
        left -= len(chunk)
    length = body.tell()
    body.seek(0)
    return length
