"""Reading files of reports record by record, in constant memory, from any record on.

Each record carries the byte offset at which it ends, so that an interrupted import goes on exactly there.
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
    """One record as the file has it. `fault` says why it cannot be read; then `values` holds what there was."""

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
    """Yield a record per CSV row (RFC 4180, UTF-8 with or without a byte order mark, first row names the columns).

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
    if any("\udc80" <= character <= "\udcff" for value in row for character in value if character > "\ud7ff"):
        return Record(end, values, "not valid UTF-8")
    return Record(end, values)


class _Lines:
    """The lines of a binary file as text; bytes that are not UTF-8 become lone surrogates, to be found later."""

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
            line = line.removeprefix(b"\xef\xbb\xbf")
        self.position = self._file.tell()
        return line.decode("utf-8", "surrogateescape")

    def seek(self, position: int) -> None:
        self._file.seek(position)
        self.position = position


def _require_columns(header: list[str], columns: Mapping[str, str]) -> None:
    present = {name for name, column in columns.items() if column in header}
    missing = {"latitude", "longitude"} - present
    if missing or not present & {"title", "description"}:
        wanted = ", ".join(sorted(columns[name] for name in missing) or ["one for title or description"])
        raise ImportFileError(f"The file lacks columns: {wanted}. It has: {', '.join(header) or 'none'}. Use --map.")


# What decides where an object ends: braces, strings, and escapes inside strings.
_MARK = re.compile(rb'\\.|["{}]', re.DOTALL)


def read_json(file: BinaryIO, offset: int, _columns: Mapping[str, str]) -> Iterator[Record]:
    """Yield a record per object of a JSON array (RFC 8259), or of JSON Lines.

    Raises `ImportFileError` when the file begins with anything else, or a record is larger than a megabyte.
    """
    if file.read(CHUNK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"[", b"{"):
        raise ImportFileError("The file is neither a JSON array nor JSON Lines.")
    file.seek(offset)
    for end, raw, complete in _objects(file, offset):
        yield _json_record(end, raw) if complete else Record(end, {"record": _excerpt(raw)}, "cut off")


def _objects(file: BinaryIO, offset: int) -> Iterator[tuple[int, bytes, bool]]:
    """Yield where each outermost object ends, its bytes, and whether it is complete."""
    buffer, scanned, start, nesting = b"", 0, 0, _Nesting()
    while chunk := file.read(CHUNK_BYTES):
        buffer += chunk
        for mark in _MARK.finditer(buffer, scanned):
            scanned, change = mark.end(), nesting.follow(mark[0])
            if change > 0:
                start = mark.start()
            elif change < 0:
                yield offset + scanned, buffer[start:scanned], True
        # Keep the unfinished object; a backslash at the very end waits for the byte it escapes.
        scanned = max(scanned, len(buffer) - buffer.endswith(b"\\"))
        done = start if nesting.depth else scanned
        buffer, scanned, start, offset = buffer[done:], scanned - done, 0, offset + done
        if len(buffer) > RECORD_MAX_BYTES:
            raise ImportFileError(f"The record at byte {offset} is larger than a megabyte.")
    if nesting.depth:
        yield offset + len(buffer), buffer, False


class _Nesting:
    """How deep in objects a scan of JSON is."""

    def __init__(self) -> None:
        self.depth = 0
        self._in_string = False

    def follow(self, token: bytes) -> int:
        """Answer 1 where an outermost object begins, -1 where it ends, else 0."""
        if token == b'"':
            self._in_string = self.depth > 0 and not self._in_string
        elif token == b"{" and not self._in_string:
            self.depth += 1
            return int(self.depth == 1)
        elif token == b"}" and not self._in_string and self.depth:
            self.depth -= 1
            return -int(self.depth == 0)
        return 0


def _json_record(end: int, raw: bytes) -> Record:
    try:
        values = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return Record(end, {"record": _excerpt(raw)}, "not valid UTF-8")
    except (ValueError, RecursionError) as error:
        return Record(end, {"record": _excerpt(raw)}, f"not readable as JSON: {error}")
    return Record(end, values)


def _excerpt(raw: bytes) -> str:
    return raw[:2000].decode("utf-8", "backslashreplace")


FORMATS: dict[str, Format] = {
    "csv": Format(read_csv, {name: name for name in FIELDS}),
    "seeclickfix-csv": Format(
        read_csv,
        {name: name for name in FIELDS}
        | {"external_id": "id", "title": "summary", "description": "desc", "latitude": "lat", "longitude": "lng"},
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
