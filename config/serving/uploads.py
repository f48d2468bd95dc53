"""How much of a body is read: of the desk's uploads more than of anybody else's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from config.serving.bodies import Body, Receive, read_body

UPLOAD_PREFIX = "/admin/imports/"
#: Of each process. A session is not looked up before the body is read, so strangers may try too.
UPLOADS_AT_ONCE = 4
#: What a form adds to its file.
FORM_BYTES = 100_000


class TooManyUploads(Exception):
    """As many uploads as may are being read."""


class Uploads:
    """Reads the bodies of a process, and few large ones at once."""

    def __init__(self) -> None:
        self._running = 0

    async def read(self, scope: Mapping[str, Any], receive: Receive) -> Body:
        """Read a body up to API_DRAIN_MAX_BYTES, an upload up to IMPORT_UPLOAD_MAX_BYTES.

        Raises TooManyUploads and what `read_body` raises.
        """
        if not _is_upload(scope):
            return await read_body(receive, settings.API_DRAIN_MAX_BYTES)
        if self._running >= UPLOADS_AT_ONCE:
            raise TooManyUploads
        self._running += 1
        try:
            return await read_body(receive, settings.IMPORT_UPLOAD_MAX_BYTES + FORM_BYTES)
        finally:
            self._running -= 1


def _is_upload(scope: Mapping[str, Any]) -> bool:
    cookie = f"{settings.SESSION_COOKIE_NAME}=".encode()
    return (
        scope["method"] == "POST"
        and scope["path"].startswith(UPLOAD_PREFIX)
        and any(name == b"cookie" and cookie in text for name, text in scope["headers"])
    )
