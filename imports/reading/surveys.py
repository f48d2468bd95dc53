"""Surveying a file before it is imported: its syntax, encoding, size and digest."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imports.errors import ImportFileError
from imports.reading import encodings
from imports.reading.delimited import DELIMITERS, delimiter_of, header_of, read_delimited
from imports.reading.encodings import Encoding, EncodingDetector
from imports.reading.json_lists import read_json
from imports.reading.records import Record
from imports.reading.streams import opened
from imports.reading.xml_lists import read_xml

_CHUNK_BYTES = 1024 * 1024
START_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found out about a file.

    `digest` is the SHA-256 of its content, `start` the beginning of its text.
    """

    path: Path
    size: int
    digest: str
    encoding: Encoding
    start: str

    @property
    def syntax(self) -> str:
        """Return `xml`, `json` or `csv`, judging by the first character."""
        match self.start.lstrip()[:1]:
            case "<":
                return "xml"
            case "[" | "{":
                return "json"
        return "csv"

    def __str__(self) -> str:
        kind = self.syntax.upper()
        if kind == "CSV":
            kind += f" with {DELIMITERS[delimiter_of(self.start)]}"
        guess = " (guessed; --encoding names another)" if self.encoding.is_guessed else ""
        return f"{kind} in {self.encoding.name}{guess}"


def survey(path: Path, *, encoding: str = "") -> Survey:
    """Read the file once, in constant memory, and return what was found out about it.

    Raises:
        ImportFileError: the file is empty or damaged, or its encoding is unknown or cannot be
            recognised.
    """
    detector, digest = EncodingDetector(), hashlib.sha256()
    with opened(path) as (content, _):
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            if not encoding:
                detector.feed(chunk)
    chosen = encodings.named(encoding) if encoding else detector.encoding()
    with opened(path) as (content, _), _text(content, chosen) as text:
        start = text.read(START_CHARACTERS)
    if not start.strip():
        raise ImportFileError("The file is empty.")
    return Survey(path, path.stat().st_size, digest.hexdigest(), chosen, start)


@contextmanager
def reading(file: Survey) -> Iterator[tuple[Iterator[Record], BinaryIO]]:
    """Open the file; yield its records, and the file itself, whose position shows the progress."""
    with opened(file.path) as (content, raw), _text(content, file.encoding) as text:
        yield _records(file, text), raw


def columns_without_records(file: Survey) -> list[str]:
    """Return the names of the columns of a file that may have no record; only CSV names them.

    Raises:
        ImportFileError: the first row of a CSV file names none.
    """
    return header_of(file.start, delimiter_of(file.start)) if file.syntax == "csv" else []


def _records(file: Survey, text: io.TextIOWrapper) -> Iterator[Record]:
    match file.syntax:
        case "xml":
            return read_xml(text)
        case "json":
            return read_json(text, file.start)
    return read_delimited(text, delimiter_of(file.start))


@contextmanager
def _text(content: io.BufferedReader, encoding: Encoding) -> Iterator[io.TextIOWrapper]:
    """Open the content as text inside the block.

    Bytes that are invalid in the encoding become lone surrogates, which are found row by row.

    Raises:
        ImportFileError: the codec refuses the whole file.
    """
    try:
        yield io.TextIOWrapper(
            content, encoding=encoding.codec, errors="surrogateescape", newline=""
        )
    except UnicodeError as error:
        raise ImportFileError(f"The file is not valid {encoding.name}: {error}.") from error
