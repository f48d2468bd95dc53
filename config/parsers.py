"""Parsing of JSON bodies, which a hostile client may have written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from config.exceptions import BodyTooLarge
from jobs.http import strict_json


class StrictJSONParser(BaseParser):
    """Parse JSON in UTF-8 with `jobs.http.strict_json`.

    A body may have API_JSON_MAX_BYTES, or the view's `json_max_bytes`. `parse` raises ParseError
    and BodyTooLarge.
    """

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = parser_context or {}
        body = _read(
            stream, getattr(context.get("view"), "json_max_bytes", settings.API_JSON_MAX_BYTES)
        )
        try:
            return strict_json.loads(body.decode("utf-8"))
        except UnicodeError as error:
            raise ParseError("The body is not valid UTF-8.") from error
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from error


def _read(stream: IO[Any], limit: int) -> bytes:
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise BodyTooLarge(f"The body may have at most {limit} bytes.")
    return body
