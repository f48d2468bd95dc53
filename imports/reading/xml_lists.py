"""Reading XML in the form of Open311 (GeoReport v2): one element a record, one a value.

<service_requests><request><service_request_id>638344</service_request_id>…</request></…>
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO
from xml.parsers import expat

from imports.errors import ImportFileError
from imports.reading.records import RECORD_MAX_CHARACTERS, TOO_LONG, Record, fold_name, unreadable

CHUNK_CHARACTERS = 64 * 1024
#: How the fault of a last record begins, after which nothing could be read.
LOST_TO_THE_END = "not readable as XML from here to the end"
_NO_LISTS = {"html": "an HTML page", "errors": "an answer with errors, not with requests"}


def read_xml(text: TextIO) -> Iterator[Record]:
    """Yield a record for each child of the root element.

    If the text stops being XML later on, the last record says so: nothing after it can be read.

    Raises:
        ImportFileError: the file is no XML from its beginning on, or has a document type, which no
            list of records needs.
    """
    builder = _Builder()
    fed = 0
    while chunk := text.read(CHUNK_CHARACTERS):
        fed += len(chunk.encode("utf-8", "surrogateescape"))
        try:
            builder.parser.Parse(_decoded(chunk))
        except expat.ExpatError as error:
            yield from builder.take()
            yield builder.rest_lost(str(error))
            return
        yield from builder.take()
        if fed - builder.parser.CurrentByteIndex > 4 * RECORD_MAX_CHARACTERS:
            raise ImportFileError(f"The file has an XML tag {TOO_LONG}.")
    try:
        builder.parser.Parse(b"", True)
    except expat.ExpatError as error:
        yield builder.rest_lost(str(error))


def _decoded(chunk: str) -> str:
    """Return the text with `U+FFFD` for invalid bytes, so that such rows are rejected later."""
    return chunk.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Builder:
    """Builds records from the events of the XML parser."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._records: list[Record] = []
        self._depth = self._count = self._characters = 0
        self._values: dict[str, str] = {}
        self._name = self._fault = ""
        self._parts: list[str] = []

    def take(self) -> list[Record]:
        """Return the records completed since the last call."""
        records, self._records = self._records, []
        return records

    def rest_lost(self, error: str) -> Record:
        """Return a record which says that the rest of the file is no XML.

        Raises:
            ImportFileError: not even one record was begun.
        """
        if not self._count and self._depth < 2:
            raise ImportFileError(f"The file cannot be read as XML: {error}.")
        return unreadable(str(self._values), f"{LOST_TO_THE_END}: {error}")

    def _doctype(self, *_: object) -> None:
        raise ImportFileError("The file is XML with a document type, or an HTML page.")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name.lower() in _NO_LISTS:
            raise ImportFileError(f"The file is {_NO_LISTS[name.lower()]}.")
        if self._depth == 2:
            self._values, self._fault, self._characters = {}, "", 0
        elif self._depth == 3:
            self._name, self._parts = fold_name(name), []
            if self._name in self._values:
                self._fault = f"the element {self._name[:80]} is repeated"
        elif self._depth > 3:
            self._fault = self._fault or f"the element {self._name[:80]} has elements inside"

    def _text(self, text: str) -> None:
        self._characters += len(text)
        if self._depth >= 3 and self._characters <= RECORD_MAX_CHARACTERS:
            self._parts.append(text)

    def _end(self, _name: str) -> None:
        if self._depth == 3:
            self._values[self._name] = "".join(self._parts)
        elif self._depth == 2:
            too_long = self._characters > RECORD_MAX_CHARACTERS
            fault = TOO_LONG if too_long else self._fault
            self._count += 1
            self._records.append(
                unreadable(str(self._values), fault) if fault else Record(self._values)
            )
        self._depth -= 1
