"""Read JSON from untrusted clients strictly, and write JSON that every client can read."""

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
    """Read JSON by RFC 8259 that PostgreSQL can store.

    Refused are numbers that are not finite or too large, U+0000, lone surrogates, deep nesting, and
    a name that occurs twice in an object: a proxy in front of this server may have read its other
    value.

    Raises:
        ValueError: the text is no such JSON; the message says why.
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
    """Write JSON by RFC 8259; infinities, NaN and values that JSON does not know become text."""
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
    """Return whether PostgreSQL can store this text."""
    return not _UNSTORABLE.search(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object repeats a name")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _integer(text: str) -> int:
    """Return the integer, if a column can hold it; so floats made of integers stay finite too.

    Raises:
        ValueError: it needs more than 64 bits.
    """
    if len(text) > _LONGEST_INTEGER or not -(2**63) <= int(text) < 2**63:
        raise ValueError(f"{text[:20]}… is out of range")
    return int(text)


def _check(value: Any, levels: int = _DEEPEST) -> None:
    """Check that PostgreSQL can store every string in `value`, and that it is not nested too deep.

    Raises:
        ValueError: one of these does not hold.
    """
    if isinstance(value, str):
        if not storable(value):
            raise ValueError("U+0000 and lone surrogates are not allowed in text")
    elif isinstance(value, (dict, list)):
        if not levels:
            raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
        for inner in chain(value, value.values()) if isinstance(value, dict) else value:
            _check(inner, levels - 1)
