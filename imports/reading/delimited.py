"""Reading CSV (RFC 4180) with commas, semicolons, tabs or bars between the cells.

A quote that is never closed costs only its own line: the lines that it swallowed are read again.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import TextIO

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

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_DISCARD_CHARACTERS = 64 * 1024
_UNCLOSED = "a quote opens on this line that is not closed properly"
#: The messages of Python's reader about an unclosed quote. A record of several lines has a quote
#: that joined them.
_QUOTE_FAULTS = {
    "unexpected end of data",
    *(f"'{delimiter}' expected after '\"'" for delimiter in DELIMITERS),
}


def delimiter_of(start: str) -> str:
    """Return the delimiter between the cells, judging by the first line of `start`."""
    lines = [line for line in start.splitlines() if line.strip()]
    if lines and lines[0].lower().startswith("sep=") and lines[0][4:5] in DELIMITERS:
        return lines[0][4:5]  # a hint that Excel writes for itself
    return max(DELIMITERS, key=lambda delimiter: _cells(lines[0], delimiter) if lines else 0)


def _cells(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter)))
    except csv.Error:
        return 0


def header_of(start: str, delimiter: str) -> list[str]:
    """Return the names of the columns, judging by the beginning of the text.

    Raises:
        ImportFileError: the first row cannot be read, is empty or repeats a name.
    """
    names = _header(csv.reader(io.StringIO(start, newline=""), delimiter=delimiter, strict=True))
    if not names:
        raise ImportFileError("The first line names no columns.")
    return names


def read_delimited(text: TextIO, delimiter: str) -> Iterator[Record]:
    """Yield a record for each row; the first row names the columns and is not yielded.

    Raises:
        ImportFileError: the first row cannot be read or repeats a name.
    """
    lines = _Lines(text)
    rows = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    header = _header(rows)
    while True:
        lines.begin_record()
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            is_quote = len(lines.current) > 1 or str(error) in _QUOTE_FAULTS
            yield lines.reject_first(_UNCLOSED if is_quote else str(error))
            continue
        if row:
            yield _record(header, row, lines)


def _header(rows: Iterator[list[str]]) -> list[str]:
    try:
        header = next((row for row in rows if any(row) and not _is_hint(row)), [])
    except csv.Error as error:
        raise ImportFileError(f"The first line cannot be read as CSV: {error}.") from error
    if not all(is_decoded(name) for name in header):
        raise ImportFileError("The names of the columns are not valid in the file's encoding.")
    names = [fold_name(name) for name in header]
    if repeated := repeated_names(names):
        raise ImportFileError(f"The file has several columns named {', '.join(repeated)}.")
    return names


def _is_hint(row: list[str]) -> bool:
    return row[0].lower().startswith("sep=") and not any(row[1:])


def _record(header: list[str], row: list[str], lines: _Lines) -> Record:
    if len(row) != len(header) and len(lines.current) > 1:
        return lines.reject_first(_UNCLOSED)
    if len(row) < len(header) or any(row[len(header) :]):
        fault = f"{len(row)} cells instead of {len(header)}"
        return Record({"cells": row[: len(header) + 20]}, fault, lines.first)
    values = dict(zip(header, row, strict=False))
    if not all(map(is_decoded, lines.current)):
        return Record(values, "not valid in the file's encoding", lines.first)
    return Record(values, line=lines.first)


class _Lines:
    """The lines of a text; those that an unclosed quote swallowed can be read again."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._count = self._characters = 0
        self.current: list[str] = []  # of the current record

    @property
    def first(self) -> int:
        """Return the number of the current record's first line."""
        return self._count - len(self.current) + 1

    def begin_record(self) -> None:
        """Begin a new record: forget the lines of the one before."""
        self.current.clear()
        self._characters = 0

    def reject_first(self, fault: str) -> Record:
        """Return the current record's first line as unreadable; its other lines are read again."""
        record = unreadable(self.current[0], f"not readable as CSV: {fault}", self.first)
        self._again.extendleft(reversed(self.current[1:]))
        self._count -= len(self.current) - 1
        return record

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self._count += 1
        self._characters += len(line)
        self.current.append(line)
        if self._characters > RECORD_MAX_CHARACTERS:
            raise csv.Error(TOO_LONG)
        return line

    def _read(self) -> str:
        """Return the next line; of an overlong one only the beginning."""
        line = self._text.readline(RECORD_MAX_CHARACTERS + 1)
        if not line:
            raise StopIteration
        rest = line
        while len(line) > RECORD_MAX_CHARACTERS and rest and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(_DISCARD_CHARACTERS)
        return line
