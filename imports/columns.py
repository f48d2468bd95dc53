"""Which column of a file holds which field, and messages about columns that do not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from imports.errors import ImportFileError
from imports.importers import Importer
from imports.reading.records import Record, fold_name
from imports.reading.surveys import Survey, columns_without_records
from jobs.plain_text import one_line

_SHOWN_NAMES = 40


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file: field → column, and notes for the person who imports it."""

    by_field: dict[str, str]
    notes: tuple[str, ...]


def columns_of(importer: Importer[Any], surveyed: Survey, sample: Iterable[Record]) -> Columns:
    """Return which column of the file holds which field, judging by its first records.

    Where none of them can be read, the first line of a CSV file names the columns.

    Raises:
        ImportFileError: a field or format does not exist, the file lacks a column that was named,
            or a required one is missing.
    """
    present = {name: None for record in sample if not record.fault for name in record.values}
    present = present or dict.fromkeys(columns_without_records(surveyed))
    by_field = _mapped(importer)
    named = {field: fold_name(column) for field, column in importer.file.columns.items()}
    if not present:
        return Columns(by_field, ())
    if lacking := [column for column in named.values() if column not in present]:
        raise ImportFileError(f"The file has no column {_listed(lacking)}. {_has(present)}")
    if missing := _missing(importer, by_field, present):
        raise ImportFileError(f"{missing} {_has(present)} Name the column with a map.")
    unused = [name for name in present if name and name not in by_field.values()]
    return Columns(by_field, tuple(_notes(importer, by_field, present, unused)))


def _mapped(importer: Importer[Any]) -> dict[str, str]:
    file = importer.file
    if file.format and file.format not in importer.formats:
        raise ImportFileError(
            f"{file.format[:40]!r} is not a format; the formats are "
            f"{', '.join(sorted(importer.formats))}."
        )
    if unknown := [field for field in file.columns if field not in importer.fields]:
        raise ImportFileError(
            f"There is no field {_listed(unknown)}; the fields are {', '.join(importer.fields)}."
        )
    own = {field: field for field in importer.fields}
    chosen = {**own, **importer.formats.get(file.format, {}), **file.columns}
    return {field: fold_name(column) for field, column in chosen.items()}


def _missing(importer: Importer[Any], by_field: dict[str, str], present: Collection[str]) -> str:
    """Return a sentence about the first required column that the file lacks, or ""."""
    for group in importer.required:
        if not any(by_field[field] in present for field in group):
            return f"The file lacks a column for {' or '.join(group)}."
    if by_field["external_id"] not in present and not importer.file.ids_from_rows:
        return (
            "The file lacks a column for external_id, by which a report is known when the file is "
            "imported again; without one, choose ids made from the rows (--ids-from-rows)."
        )
    return ""


def _notes(
    importer: Importer[Any], by_field: dict[str, str], present: Collection[str], unused: list[str]
) -> Iterable[str]:
    if unused:
        yield f"Columns not used: {_listed(unused)}."
    for field, default in importer.defaults.items():
        if by_field[field] not in present:
            yield f"No column for {field}: {default}."


def _has(present: Collection[str]) -> str:
    return f"It has {_listed(list(present))}."


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(one_line(name)[:60] for name in names[:_SHOWN_NAMES]) + more
