"""JSON that a hostile client wrote, read into what PostgreSQL can store; and JSON that every client
can read.
"""

from __future__ import annotations

import json
import math
import re
from itertools import chain
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DEEPEST = 64
_LONGEST_INTEGER = len(str(-(2**63)))


def loads(text: str) -> Any:
    """Read RFC 8259 JSON: finite numbers, no U+0000, no lone surrogates, sane nesting, no name
    twice in an object.

    What stands in front of this server may have judged by the other value of a repeated name.
    Raises ValueError.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
        _check(value)
    except RecursionError as error:
        raise ValueError(f"it is nested more than {_DEEPEST} levels deep") from error
    return value


def dumps(value: Any) -> str:
    """Write RFC 8259 JSON: numbers that are not finite, and what JSON has no form for, become text."""
    return json.dumps(_finite_only(value), default=str)


def _finite_only(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {name: _finite_only(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_finite_only(inner) for inner in value]
    return value


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold this text."""
    return not _UNSTORABLE.search(text)


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


def _check(value: Any, levels: int = _DEEPEST) -> None:
    """Raise ValueError for a string that PostgreSQL could not store, or too deep nesting, anywhere
    in `value`.
    """
    if isinstance(value, str):
        if not storable(value):
            raise ValueError("U+0000 and lone surrogates are not allowed in text")
    elif isinstance(value, (dict, list)):
        if not levels:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
        for inner in chain(value, value.values()) if isinstance(value, dict) else value:
            _check(inner, levels - 1)
