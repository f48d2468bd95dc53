"""The values of one row, read by the same rules for every importer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from imports.errors import RowRejected
from imports.reading.records import Record
from imports.times import TimeReader
from jobs import numbers
from jobs.plain_text import one_line, paragraphs

TRUE, FALSE = {"true", "yes", "on", "1", "t", "y"}, {"false", "no", "off", "0", "f", "n"}
COUNT_MAX = 2_147_483_647
_REFUSED = re.compile("[\0\ufffd\ud800-\udfff]")
_REFUSED_NAMES = {
    "\0": "a NUL character",
    "\ufffd": "U+FFFD, the trace of characters lost before",
}


class Row:
    """The values of a record by the importer's field names; a missing one is empty.

    Raises:
        RowRejected: by every method, with a sentence that names the field.
    """

    def __init__(self, record: Record, columns: Mapping[str, str], times: TimeReader) -> None:
        if record.fault:
            raise RowRejected(record.fault)
        self._values = record.values
        self._columns = columns
        self._times = times

    def has_column(self, name: str) -> bool:
        """Return whether the record has a column for this field, even an empty one."""
        return self._columns.get(name, "") in self._values

    def value(self, name: str) -> Any:
        """Return the value as the file has it; a list of one element is replaced by its element."""
        value = self._values.get(self._columns.get(name, ""))
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        return value

    def text(self, name: str, *, longest: int | None = None) -> str:
        """Return the value as text, without white space around it.

        `longest` is the number of characters allowed.
        """
        value = self.value(name)
        if value is None:
            return ""
        if isinstance(value, bool | dict | list):
            raise RowRejected(f"{name} is {_kind(value)}, not text")
        text = str(value).strip()
        _check_characters(text, name)
        return text if longest is None else self._checked(name, text, longest)

    def line(self, name: str, *, longest: int) -> str:
        """Return a text of one line, cleaned of invisible characters."""
        return self._checked(name, one_line(self.text(name)), longest)

    def paragraphs(self, name: str, *, longest: int) -> str:
        """Return a text of several lines, cleaned of invisible characters."""
        return self._checked(name, paragraphs(self.text(name)), longest)

    def texts(self, name: str) -> list[str]:
        """Return the texts of a list; a single text becomes a list of one."""
        value = self.value(name)
        if not isinstance(value, list):
            return [text] if (text := self.text(name)) else []
        if not all(isinstance(element, str) for element in value):
            raise RowRejected(f"{name} is not a list of texts")
        for one in value:
            _check_characters(one, name)
        return value

    def external_id(self, *, longest: int, otherwise: Iterable[str]) -> str:
        """Return the row's id in the other system.

        If the row has none, the id is a digest of the fields in `otherwise`, if any are named: the
        same row gets the same id at every import, a corrected row another one.
        """
        if text := self.text("external_id", longest=longest):
            return text
        if names := list(otherwise):
            texts = [self.text(name) for name in names]
            return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:32]
        raise RowRejected("external_id is missing")

    def choice(self, name: str, choices: Mapping[str, str]) -> str:
        """Return the meaning of the value by `choices`, whose keys are in lower case.

        An empty value means "".
        """
        text = self.text(name)
        if text and text.lower() not in choices:
            raise RowRejected(f"unknown {name}: {text[:40]}")
        return choices[text.lower()] if text else ""

    def flag(self, name: str, *, default: bool) -> bool:
        """Return whether the value says yes; `default` if it is empty."""
        value = self.value(name)
        if isinstance(value, bool):
            return value
        text = self.text(name).lower()
        if text and text not in TRUE | FALSE:
            raise RowRejected(f"{name} is neither yes nor no: {text[:40]}")
        return text in TRUE if text else default

    def count(self, name: str) -> int | None:
        """Return a whole number from 0, also where it is written as `10.0`."""
        number = self._number(name)
        if number is None:
            return None
        if not number.is_integer() or not 0 <= number <= COUNT_MAX:
            raise RowRejected(f"{name} is not a whole number from 0: {self.text(name)[:40]}")
        return int(number)

    def place(self) -> tuple[float, float] | None:
        """Return latitude and longitude in degrees.

        0/0 is rejected: systems write it if they failed to find the place.
        """
        latitude, longitude = self._degrees("latitude", 90), self._degrees("longitude", 180)
        if latitude is None or longitude is None:
            if latitude is not longitude:
                raise RowRejected(f"{'latitude' if latitude is None else 'longitude'} is missing")
            return None
        if latitude == longitude == 0:
            raise RowRejected("latitude and longitude are both 0")
        return latitude, longitude

    def moment(self, name: str, *, not_before: datetime | None = None) -> datetime | None:
        """Return the time in the column `name`, in UTC; None where it is empty.

        A time in the hour that is repeated in autumn is taken for the first one, or for the second
        one if the first is before `not_before`.

        Raises:
            RowRejected: it is no time.
        """
        text = self.text(name)
        return self._times.moment(text, name, not_before=not_before) if text else None

    def day(self, name: str) -> date | None:
        """Return the date, without a time of day that may follow it."""
        text = self.text(name)
        return self._times.day(text, name).date() if text else None

    def _checked(self, name: str, text: str, longest: int) -> str:
        if len(text) > longest:
            raise RowRejected(f"{name} is longer than {longest} characters")
        return text

    def _degrees(self, name: str, limit: int) -> float | None:
        degrees = self._number(name, decimal_comma=True)
        if degrees is not None and abs(degrees) > limit:
            raise RowRejected(f"{name} is out of range: {self.text(name)[:40]}")
        return degrees

    def _number(self, name: str, *, decimal_comma: bool = False) -> float | None:
        """Return the number, or None if the value is empty.

        With `decimal_comma` a single comma is the decimal point, for numbers that have no
        thousands.
        """
        text = self.text(name)
        if not text:
            return None
        plain = text.replace(",", ".") if decimal_comma and text.count(",") == 1 else text
        try:
            return numbers.decimal(plain)
        except ValueError:
            raise RowRejected(f"{name} is not a number: {text[:40]}") from None


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case dict():
            return "an object"
        case _:
            return "a list"


def _check_characters(text: str, name: str) -> None:
    """Refuse characters that PostgreSQL cannot store or that show a loss in an earlier conversion.

    Raises:
        RowRejected: the text has such a character.
    """
    if refused := _REFUSED.search(text):
        raise RowRejected(f"{name} contains {_REFUSED_NAMES.get(refused[0], 'half a character')}")
