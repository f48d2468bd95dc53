"""Reading JSON bodies that a hostile client wrote."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from itertools import chain
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from config.exceptions import BodyTooLarge

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DEEPEST = 64
_LONGEST_INTEGER = len(str(-(2**63)))


class StrictJSONParser(BaseParser):
    """RFC 8259 JSON that PostgreSQL can store: UTF-8, finite numbers, no U+0000, no lone surrogates, sane nesting.

    A name that an object repeats is refused: what stands in front of this server may have judged by the other value.

    A body may have API_JSON_MAX_BYTES, or what the view's `json_max_bytes` says. Raises ParseError and BodyTooLarge.
    """

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        context = parser_context or {}
        body = _read(stream, getattr(context.get("view"), "json_max_bytes", settings.API_JSON_MAX_BYTES))
        try:
            value = json.loads(
                body.decode("utf-8"),
                object_pairs_hook=_object,
                parse_constant=_refuse_constant,
                parse_float=_finite,
                parse_int=_integer,
            )
            _check(value)
        except UnicodeError as error:
            raise ParseError("The body is not valid UTF-8.") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from error
        return value


def _read(stream: IO[Any], most: int) -> bytes:
    body: bytes = stream.read(most + 1)
    if len(body) > most:
        raise BodyTooLarge(f"The body may have at most {most} bytes.")
    return body


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object repeats a name")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _integer(text: str) -> int:
    """Refuse what no column holds; also keeps floats made of integers finite."""
    if len(text) > _LONGEST_INTEGER or not -(2**63) <= int(text) < 2**63:
        raise ValueError(f"{text[:20]}… is out of range")
    return int(text)


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold this text."""
    return not _UNSTORABLE.search(text)


def _check(value: Any, levels: int = _DEEPEST) -> None:
    """Raise ValueError for a string that PostgreSQL could not store, or too deep nesting, anywhere in `value`."""
    if isinstance(value, str):
        if not storable(value):
            raise ValueError("U+0000 and lone surrogates are not allowed in text")
    elif isinstance(value, (dict, list)):
        if not levels:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
        for inner in chain(value, value.values()) if isinstance(value, dict) else value:
            _check(inner, levels - 1)
