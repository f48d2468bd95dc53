"""Opportunities in files: JSON lines and CSV, each row checked."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from jobs.plain_text import one_line, paragraphs
from matching.errors import LanguageUnknown
from matching.models import Kind, Opportunity
from matching.text import languages

Row = Mapping[str, Any]
#: A longer line is no opportunity.
LINE_MAX_CHARACTERS = 200_000

_TEXTS = {
    "title": 300, "description": 20_000, "organisation": 200, "category": 120, "requirements": 5000,
    "external_id": 200,
}  # fmt: skip
_CLEANED = {"description": paragraphs, "requirements": paragraphs}
TRUE, FALSE = {"true", "yes", "on", "1", "t", "y"}, {"false", "no", "off", "0", "f", "n"}


class RowRejected(ValueError):
    """The row is no opportunity."""


def read_jsonl(path: Path) -> Iterator[tuple[int, Row]]:
    """Number and object of each line; `{}` where a line is no JSON object.

    One line in memory at a time.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(
            iter(lambda: lines.readline(LINE_MAX_CHARACTERS), ""), start=1
        ):
            rest = line
            while len(rest) == LINE_MAX_CHARACTERS and not rest.endswith("\n"):
                rest = lines.readline(LINE_MAX_CHARACTERS)
            if line.strip():
                yield number, _object(line)


def _object(line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def read_csv(path: Path) -> Iterator[tuple[int, Row]]:
    """Number and columns of each row, by the names in the first one; `{}` where a row cannot be
    read.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.DictReader(line.replace("\0", "") for line in file)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error:  # a field of over 128 KiB: mostly a quote that is never closed
                yield rows.line_num, {}
            else:
                yield (
                    rows.line_num,
                    {name: value for name, value in row.items() if isinstance(name, str)},
                )


FORMATS = {"jsonl": read_jsonl, "csv": read_csv}


def row_to_opportunity(row: Row, *, source: str) -> Opportunity:
    """The opportunity a row tells of, not saved. Raises RowRejected, which says why."""
    if not row:
        raise RowRejected("neither a JSON object nor a readable CSV row")
    kind = str(row.get("kind") or "").strip().lower()
    if kind not in Kind.values:
        raise RowRejected(f"unknown kind: {kind[:40]}")
    texts = {name: _text(row, name, most) for name, most in _TEXTS.items()}
    if not texts["title"] or not texts["external_id"]:
        raise RowRejected("title and external_id are needed")
    starts_on, ends_on = _date(row, "starts_on"), _date(row, "ends_on")
    if starts_on and ends_on and ends_on < starts_on:
        raise RowRejected("ends_on is before starts_on")
    latitude, longitude = _place(row)
    return Opportunity(
        kind=kind,
        source=source,
        starts_on=starts_on,
        ends_on=ends_on,
        latitude=latitude,
        longitude=longitude,
        is_remote=_flag(row, "is_remote", default=False),
        languages=_languages(row),
        capacity=_capacity(row),
        is_active=_flag(row, "is_active", default=True),
        **texts,
    )


def _text(row: Row, name: str, most: int) -> str:
    value = row.get(name)
    text = (
        ""
        if value is None
        else str(value).replace("\0", "").encode("utf-8", "ignore").decode().strip()
    )
    text = _CLEANED.get(name, one_line)(text) if name != "external_id" else text
    if len(text) > most:
        raise RowRejected(f"{name} is longer than {most} characters")
    return text


def _date(row: Row, name: str) -> date | None:
    if not row.get(name):
        return None
    try:
        return date.fromisoformat(str(row[name])[:10])
    except ValueError:
        raise RowRejected(f"{name} is not a date: {str(row[name])[:40]}") from None


def _place(row: Row) -> tuple[float | None, float | None]:
    latitude, longitude = _degrees(row, "latitude", 90), _degrees(row, "longitude", 180)
    if (latitude is None) != (longitude is None):
        raise RowRejected("latitude and longitude go together")
    return latitude, longitude


def _degrees(row: Row, name: str, limit: int) -> float | None:
    if row.get(name) in (None, ""):
        return None
    try:
        value = float(row[name])
    except (TypeError, ValueError, OverflowError):
        raise RowRejected(f"{name} is not a number: {str(row[name])[:40]}") from None
    if not math.isfinite(value) or abs(value) > limit:
        raise RowRejected(f"{name} is out of range: {value}")
    return value


def _flag(row: Row, name: str, *, default: bool) -> bool:
    """Yes or no; what says nothing means the default."""
    text = "" if row.get(name) is None else str(row[name]).strip().lower()
    if not text:
        return default
    if text not in TRUE | FALSE:
        raise RowRejected(f"{name} is neither yes nor no: {text[:40]}")
    return text in TRUE


def _languages(row: Row) -> list[str]:
    value = row.get("languages") or []
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list):
        raise RowRejected("languages is no list")
    try:
        return languages.tags_of(str(one) for one in named)
    except LanguageUnknown as error:
        raise RowRejected(str(error)) from error


def _capacity(row: Row) -> int | None:
    """A count without a fraction, as a number or as digits."""
    value = row.get("capacity")
    if value in (None, ""):
        return None
    text = (
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    )
    if not (text.isascii() and text.isdigit()) or not len(text) <= 10 or int(text) > 2_147_483_647:
        raise RowRejected(f"capacity is no count: {text[:40]}")
    return int(text)
