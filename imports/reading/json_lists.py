"""Reading JSON (RFC 8259): a list, a list inside an object, GeoJSON (RFC 7946), or JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from imports.errors import ImportFileError
from imports.reading.records import (
    RECORD_MAX_CHARACTERS,
    TOO_LONG,
    Record,
    fold_name,
    is_decoded,
    repeated_names,
    unreadable,
)

CHUNK_CHARACTERS = 64 * 1024
# The marks that decide where an element of a list ends: brackets, commas, quotes, and escapes.
_MARK = re.compile(r'\\.|["{}\[\],]', re.DOTALL)
#: The names under which systems put their list into an object.
_WRAPPED = re.compile(
    r'"(?:service_requests|requests|features|reports|opportunities|results|records|items|data|rows)"'
    r"\s*:\s*\[(?=\s*[\]{])",
    re.IGNORECASE,
)


def read_json(text: TextIO, start: str) -> Iterator[Record]:
    """Yield a record for each element of the list, or for each line of JSON Lines.

    `start` is the beginning of `text`. An element that is no object, cannot be read or is too long
    becomes a record with a fault.

    Raises:
        ImportFileError: the file begins like none of these.
    """
    if start.lstrip().startswith("["):
        pieces = _elements(text, _Nesting(is_open=False))
    elif (position := _wrapped_list(start)) is not None:
        text.read(position)
        pieces = _elements(text, _Nesting(is_open=True, is_only=True))
    else:
        yield from _json_lines(text)
        return
    for raw, is_complete in pieces:
        if raw := raw.strip():
            yield _record(raw, is_complete=is_complete)


def _wrapped_list(start: str) -> int | None:
    """Return the position behind the `[` of a list inside the file's object; None for no list."""
    depth, in_string = 0, False
    for mark in _MARK.finditer(start):
        match mark[0]:
            case '"':
                if (
                    not in_string
                    and depth == 1
                    and (wrapped := _WRAPPED.match(start, mark.start()))
                ):
                    return wrapped.end()
                in_string = not in_string
            case "{" | "[" if not in_string:
                depth += 1
            case "}" | "]" if not in_string:
                depth -= 1
                if depth == 0:
                    return None
    return None


def _json_lines(text: TextIO) -> Iterator[Record]:
    """Yield a record for each line.

    Raises:
        ImportFileError: the first line is no JSON.
    """
    for number, line in enumerate(iter(lambda: text.readline(RECORD_MAX_CHARACTERS + 1), ""), 1):
        rest = line
        while rest and not rest.endswith("\n"):
            rest = text.readline(CHUNK_CHARACTERS)
        if not (raw := line.strip()):
            continue
        record = _record(raw, line=number)
        if number == 1 and record.fault.startswith("not readable"):
            raise ImportFileError(
                "The file is neither a JSON list, a list in a JSON object, GeoJSON nor JSON Lines: "
                f"its first line is {record.fault}."
            )
        yield record


def _elements(text: TextIO, nesting: _Nesting) -> Iterator[tuple[str, bool]]:
    """Yield each element (of a long one only the beginning) and whether it is complete.

    Text between elements, mostly white space, is yielded as an element too.
    """
    element, held = "", ""
    while chunk := text.read(CHUNK_CHARACTERS):
        chunk, done, scanned = held + chunk, 0, 0
        for mark in _MARK.finditer(chunk):
            scanned = mark.end()
            if nesting.ends_element(mark[0]):
                piece = chunk[done : scanned if mark[0] == "}" else mark.start()]
                yield element + piece, True
                element, done = "", scanned
                if nesting.is_over:
                    return
        # A backslash at the very end is kept until the character that it escapes is read.
        held = "\\" if scanned < len(chunk) and chunk.endswith("\\") else ""
        if len(element) <= RECORD_MAX_CHARACTERS:
            element += chunk[done : len(chunk) - len(held)]
    yield element + held, nesting.is_flat


class _Nesting:
    """How deep in lists and objects a scan of JSON is. Inside an object only braces count."""

    def __init__(self, *, is_open: bool, is_only: bool = False) -> None:
        self._is_open = is_open
        self._is_only = is_only
        self._in_string = False
        self._braces = self._brackets = 0

    @property
    def is_flat(self) -> bool:
        """Return whether the scan is outside of any element."""
        return not (self._in_string or self._braces or self._brackets)

    @property
    def is_over(self) -> bool:
        """Return whether the only list to be read has ended."""
        return self._is_only and not self._is_open

    def ends_element(self, mark: str) -> bool:
        """Take in the next mark; return whether it ends an element, or the text between two."""
        if mark == '"':
            self._in_string = not self._in_string
        elif self._in_string or mark.startswith("\\"):
            return False
        elif mark == "{":
            self._braces += 1
        elif mark == "}" and self._braces:
            self._braces -= 1
            return self.is_flat
        elif not self._braces:
            return self._follow_bracket(mark)
        return False

    def _follow_bracket(self, mark: str) -> bool:
        if mark == "[" and self._is_open:
            self._brackets += 1
        elif mark == "]" and self._brackets:
            self._brackets -= 1
        elif mark in ("[", "]"):
            self._is_open = mark == "["
            return True
        return mark == "," and not self._brackets


def _record(raw: str, *, is_complete: bool = True, line: int | None = None) -> Record:
    if len(raw) > RECORD_MAX_CHARACTERS:
        return unreadable(raw, TOO_LONG, line)
    if not is_complete:
        return unreadable(raw, "cut off", line)
    if not is_decoded(raw):
        return unreadable(raw, "not valid in the file's encoding", line)
    try:
        values = json.loads(raw, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        return unreadable(raw, f"not readable as JSON: {error}", line)
    if not isinstance(values, dict):
        return unreadable(raw, "not a JSON object", line)
    return _of_object(values, raw, line)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = repeated_names(name for name, _ in pairs)
        raise ValueError(f"an object repeats the name {', '.join(names)[:80]}")
    return values


def _of_object(values: dict[str, Any], raw: str, line: int | None) -> Record:
    match values:
        case {"type": "Feature", "properties": dict() | None as properties, "geometry": geometry}:
            match geometry:
                case {"type": "Point", "coordinates": [longitude, latitude, *_]}:
                    place = {"longitude": longitude, "latitude": latitude}
                case None:
                    place = {}
                case _:
                    return unreadable(raw, "its geometry is not a point", line)
            own = {"id": values["id"]} if "id" in values else {}
            values = {**own, **(properties or {}), **place}
    folded = {fold_name(name): value for name, value in values.items()}
    if len(folded) < len(values):
        names = repeated_names(map(fold_name, values))
        return unreadable(raw, f"several names are read as {', '.join(names)[:80]}", line)
    return Record(folded, line=line)
