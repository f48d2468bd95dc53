"""Limits on the size of request bodies: the desk's uploads and photos may be larger than others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from config.serving.bodies import Body, Receive, read_body
from georeport.cross_origin import OPEN311_PREFIX
from reports.errors import PhotoTooLarge

UPLOAD_PREFIX = "/admin/imports/"
PHOTOS_PATH = re.compile(
    r"/api/v1/reports/[0-9a-fA-F-]{32,36}/photos/?"
    r"|/open311/(test/)?v2/requests(\.(?i:xml|json))?/?"
    r"|/report/?|/reports/[0-9a-fA-F-]{32,36}/photos/?"
)
#: For each process. Strangers may upload too, since sessions are looked up after the body is read.
UPLOADS_AT_ONCE = 4
#: The size that a form adds to its file.
FORM_BYTES = 100_000


class TooManyUploads(Exception):
    """As many uploads as are allowed at once are being read."""


class Uploads:
    """Reads the bodies of one process, few large ones at once."""

    def __init__(self) -> None:
        self._running = 0

    async def read(self, scope: Mapping[str, Any], receive: Receive) -> Body:
        """Read a body up to the limit of its path; a larger one is returned incomplete.

        Raises:
            TooManyUploads: as many uploads as are allowed are being read.
            BodyTooSlow, BodyBroken: see `read_body`.
        """
        if not _is_upload(scope):
            return await read_body(receive, _limit(scope))
        if self._running >= UPLOADS_AT_ONCE:
            raise TooManyUploads
        self._running += 1
        try:
            return await read_body(receive, settings.IMPORT_UPLOAD_MAX_BYTES + FORM_BYTES)
        finally:
            self._running -= 1


def explanation(scope: Mapping[str, Any]) -> str:
    """Return why a body was too large, for people; "" where there is nothing special to say."""
    if not _is_photo(scope):
        return ""
    if scope["path"].startswith(OPEN311_PREFIX):
        most = f"{settings.PHOTO_MAX_BYTES / 1_000_000:g} MB"
        return f"The photos of a request may have at most {most} together; send media_url instead."
    return str(PhotoTooLarge())


def _limit(scope: Mapping[str, Any]) -> int:
    """Return how many bytes a body may have that is no upload of the desk."""
    if _is_photo(scope):
        return max(settings.API_DRAIN_MAX_BYTES, settings.PHOTO_MAX_BYTES + FORM_BYTES)
    return settings.API_DRAIN_MAX_BYTES


def _is_photo(scope: Mapping[str, Any]) -> bool:
    return scope["method"] == "POST" and PHOTOS_PATH.fullmatch(scope["path"]) is not None


def _is_upload(scope: Mapping[str, Any]) -> bool:
    cookie = f"{settings.SESSION_COOKIE_NAME}=".encode()
    return (
        scope["method"] == "POST"
        and scope["path"].startswith(UPLOAD_PREFIX)
        and any(name == b"cookie" and cookie in text for name, text in scope["headers"])
    )
