"""Check that the ledger can store a value: JSON, names and numbers within PostgreSQL's bounds.

A value that PostgreSQL refuses would break the sender's transaction with an error of the database;
it is refused here before, with a readable message.
"""

from __future__ import annotations

import json
import re
from typing import Any

from psycopg.types.json import Jsonb

from jobs.errors import NotStorable

#: The lengths of the columns of `jobs_task`.
NAME_MAX_CHARACTERS = {"unique_key": 200, "limit_key": 200, "job_type": 60, "request_id": 128}
#: With a `limit_count` of 0 no task would ever start.
NUMBERS = {
    "limit_count": (1, 32_767),
    "max_attempts": (1, 32_767),
    "priority": (-32_768, 32_767),
}
#: Of a jsonb value, with room for PostgreSQL's own framing (it takes 255 MiB).
JSON_MAX_BYTES = 200_000_000
#: U+0000 and halves of characters (lone surrogates).
_NOT_IN_TEXT = re.compile("[\0\ud800-\udfff]")
#: An escaped U+0000, not an escaped backslash before `u0000`.
_NULL_CHARACTER = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def as_jsonb(value: Any, what: str) -> Jsonb:
    """Return `value` as psycopg writes it into a jsonb column; `what` names it in an error.

    Raises:
        NotStorable: it is not JSON (NaN is not), is too large, or has text PostgreSQL cannot store.
    """
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise NotStorable(
            f"{what} cannot be stored: half a character (a lone surrogate)."
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise NotStorable(f"{what} cannot be stored as JSON: {error}") from error
    if size > JSON_MAX_BYTES:
        raise NotStorable(f"{what} cannot be stored: {size} bytes are more than {JSON_MAX_BYTES}.")
    if "\\u0000" in text and _NULL_CHARACTER.search(text):
        raise NotStorable(f"{what} cannot be stored: the character U+0000 is in it.")
    return Jsonb(value, dumps=lambda _value: text)


def refuse_options(options: dict[str, Any]) -> None:
    """Check that the names and numbers of a task fit their columns.

    Raises:
        NotStorable: one does not; the message names the first.
    """
    for name, (least, most) in NUMBERS.items():
        number = options.get(name)
        if number is not None and not (isinstance(number, int) and least <= number <= most):
            raise NotStorable(f"{name} is {number!r}; it must be from {least} to {most}.")
    for name, longest in NAME_MAX_CHARACTERS.items():
        value = options.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise NotStorable(f"{name} must be text, not {type(value).__name__}.")
        if len(value) > longest:
            raise NotStorable(f"{name} has {len(value)} characters; {longest} are the most.")
        if _NOT_IN_TEXT.search(value):
            raise NotStorable(f"{name} cannot be stored: U+0000 or half a character is in it.")


def as_text(text: str, *, longest: int = 20_000) -> str:
    """Return `text` so that a text column can store it.

    Characters that cannot be stored become U+FFFD; what exceeds `longest` characters is cut off.
    """
    return _NOT_IN_TEXT.sub("\ufffd", text[:longest])
