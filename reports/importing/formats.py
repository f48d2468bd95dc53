"""Reading files of reports record by record, in constant memory, from any record on.

Each record carries the byte offset at which it ends, so that an interrupted import goes on exactly
there.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from reports.errors import ImportFileError

RECORD_MAX_BYTES = 1_000_000
CHUNK_BYTES = 64 * 1024
EXCERPT_BYTES = 2000  # of a record that cannot be read, for who looks at the rejects

# The columns of a report; `--map` and the formats below say where each one stands in a file.
FIELDS = (
    "external_id",
    "title",
    "description",
    "latitude",
    "longitude",
    "address",
    "category",
    "severity",
    "status",
    "created_at",
    "closed_at",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the file has it.

    `fault` says why it cannot be read; then `values` holds what there was.
    """

    end: int
    values: dict[str, Any] = field(default_factory=dict)
    fault: str = ""


Reader = Callable[[BinaryIO, int, Mapping[str, str]], Iterator[Record]]


@dataclass(frozen=True)
class Format:
    """How to read a file, and which column holds which field."""

    read: Reader
    columns: Mapping[str, str]


def read_csv(file: BinaryIO, offset: int, columns: Mapping[str, str]) -> Iterator[Record]:
    """Yield a record per CSV row (RFC 4180, UTF-8 with or without a byte order mark, first row
    names the columns).

    Raises `ImportFileError` when a column that `columns` needs is missing.
    """
    lines = _Lines(file)
    rows = csv.reader(lines)
    header = [name.strip() for name in next(rows, [])]
    _require_columns(header, columns)
    if offset > lines.position:
        lines.seek(offset)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(lines.position, fault=f"not readable as CSV: {error}")
            continue
        if row:
            yield _csv_record(header, row, lines.position)


def _csv_record(header: list[str], row: list[str], end: int) -> Record:
    values: dict[str, Any] = dict(zip(header, row, strict=False))
    if len(row) != len(header):
        return Record(end, {"row": row}, f"{len(row)} columns instead of {len(header)}")
    if any(
        "\udc80" <= character <= "\udcff"
        for value in row
        for character in value
        if character > "\ud7ff"
    ):
        return Record(end, values, "not valid UTF-8")
    return Record(end, values)


class _Lines:
    """The lines of a binary file as text; bytes that are not UTF-8 become lone surrogates, to be
    found later.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(RECORD_MAX_BYTES)
        if not line:
            raise StopIteration
        if self.position == 0:
            line = line.removeprefix(_BOM)
        self.position = self._file.tell()
        return line.decode("utf-8", "surrogateescape")

    def seek(self, position: int) -> None:
        self._file.seek(position)
        self.position = position


def _require_columns(header: list[str], columns: Mapping[str, str]) -> None:
    present = {name for name, column in columns.items() if column in header}
    missing = {"latitude", "longitude"} - present
    if missing or not present & {"title", "description"}:
        wanted = ", ".join(
            sorted(columns[name] for name in missing) or ["one for title or description"]
        )
        raise ImportFileError(
            f"The file lacks columns: {wanted}. It has: {', '.join(header) or 'none'}. Use --map."
        )


# What decides where an element of an array ends: brackets, commas, strings, and escapes inside
# strings.
_MARK = re.compile(rb'\\.|["{}\[\],]', re.DOTALL)
_BOM = b"\xef\xbb\xbf"


def read_json(file: BinaryIO, offset: int, _columns: Mapping[str, str]) -> Iterator[Record]:
    """Yield a record per element of a JSON array (RFC 8259), or per line of JSON Lines.

    What is no object, cannot be read or is larger than a megabyte is a record with a fault. Raises
    `ImportFileError` when the file begins like neither.
    """
    begin = file.read(CHUNK_BYTES).removeprefix(_BOM).lstrip()[:1]
    if begin not in (b"[", b"{"):
        raise ImportFileError("The file is neither a JSON array nor JSON Lines.")
    file.seek(offset)
    pieces = _elements(file, offset) if begin == b"[" else _lines(file)
    for end, raw, is_complete in pieces:
        if raw := raw.strip().removeprefix(_BOM):
            yield _json_record(end, raw, is_complete)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
    """Yield where each line ends, its bytes as far as a record may have them and one more, and that
    it is complete.
    """
    while line := file.readline(RECORD_MAX_BYTES + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(CHUNK_BYTES)
        yield file.tell(), line, True


def _elements(file: BinaryIO, offset: int) -> Iterator[tuple[int, bytes, bool]]:
    """Yield where each element ends, its bytes as far as a record may have them and more, and
    whether it is complete.

    What stands between elements, mostly nothing, comes as one too.
    """
    element, held, nesting = b"", b"", _Nesting(is_open=offset > 0)
    while chunk := file.read(CHUNK_BYTES):
        chunk, done, scanned = held + chunk, 0, 0
        for mark in _MARK.finditer(chunk):
            scanned = mark.end()
            if nesting.ends_element(mark[0]):
                piece = chunk[done : scanned if mark[0] == b"}" else mark.start()]
                # A resumed scan takes the array for open, and so must still find its end.
                yield offset + (mark.start() if mark[0] == b"]" else scanned), element + piece, True
                element, done = b"", scanned
        # A backslash at the very end waits for the byte it escapes.
        held = b"\\" if scanned < len(chunk) and chunk.endswith(b"\\") else b""
        offset += len(chunk) - len(held)
        if len(element) <= RECORD_MAX_BYTES:
            element += chunk[done : len(chunk) - len(held)]
    yield offset + len(held), element + held, nesting.is_flat


class _Nesting:
    """How deep in arrays and objects a scan of JSON is. Inside an object, braces alone count."""

    def __init__(self, *, is_open: bool) -> None:
        self._is_open = is_open
        self._in_string = False
        self._braces = self._brackets = 0

    @property
    def is_flat(self) -> bool:
        """Whether the scan is inside of no element."""
        return not (self._in_string or self._braces or self._brackets)

    def ends_element(self, token: bytes) -> bool:
        """Follow the token, and tell whether an element of the array, or what stands outside of it,
        ends there.
        """
        if token == b'"':
            self._in_string = not self._in_string
        elif self._in_string or token.startswith(b"\\"):
            return False
        elif token == b"{":
            self._braces += 1
        elif token == b"}" and self._braces:
            self._braces -= 1
            return self.is_flat
        elif not self._braces:
            return self._follow_bracket(token)
        return False

    def _follow_bracket(self, token: bytes) -> bool:
        if token == b"[" and self._is_open:
            self._brackets += 1
        elif token == b"]" and self._brackets:
            self._brackets -= 1
        elif token in (b"[", b"]"):
            self._is_open = token == b"["
            return True
        return token == b"," and not self._brackets


def _json_record(end: int, raw: bytes, is_complete: bool) -> Record:
    shown = {"record": raw[:EXCERPT_BYTES].decode("utf-8", "backslashreplace")}
    if len(raw) > RECORD_MAX_BYTES:
        return Record(end, shown, "larger than a megabyte")
    if not is_complete:
        return Record(end, shown, "cut off")
    try:
        values = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return Record(end, shown, "not valid UTF-8")
    except (ValueError, RecursionError) as error:
        return Record(end, shown, f"not readable as JSON: {error}")
    return (
        Record(end, values) if isinstance(values, dict) else Record(end, shown, "not a JSON object")
    )


FORMATS: dict[str, Format] = {
    "csv": Format(read_csv, {name: name for name in FIELDS}),
    "seeclickfix-csv": Format(
        read_csv,
        {name: name for name in FIELDS}
        | {
            "external_id": "id",
            "title": "summary",
            "description": "desc",
            "latitude": "lat",
            "longitude": "lng",
        },
    ),
    "open311-json": Format(
        read_json,
        {
            "external_id": "service_request_id",
            "title": "title",
            "description": "description",
            "latitude": "lat",
            "longitude": "long",
            "address": "address",
            "category": "service_code",
            "status": "status",
            "created_at": "requested_datetime",
            "closed_at": "updated_datetime",
        },
    ),
}
