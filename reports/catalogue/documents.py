"""Read a file of the catalogue: YAML with everything, or CSV with one row for each category."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from reports.catalogue.format import refuse
from reports.errors import CatalogueInvalid
from reports.models import Category

MAXIMUM_BYTES = 8_000_000
DEPTH_MAXIMUM = 50  # of lists and mappings within each other; the format has eight at most
SHIPPED = Path(__file__).with_name("taxonomy.yaml")
DELIMITERS = ",;\t"
LIST_SEPARATOR = re.compile(r"[|\n]")
#: Columns that are fields of a category as they stand; `_category` reads the others.
TEXT_COLUMNS = (
    "slug",
    "name",
    "group",
    "department",
    "description",
    "icon",
    "colour",
    "default_severity",
)
OTHER_COLUMNS = (
    "group_name",
    "department_name",
    "deadline_hours",
    "in_working_hours",
    "answer_hours",
    "is_active",
    "position",
    "keywords",
    "examples",
)
TRANSLATED_COLUMN = re.compile(r"(name|description|examples)_([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)")
BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read(path: Path) -> dict[str, Any]:
    """Return the file's contents with the keys of `format.DocumentSerializer`, unchecked.

    Raises:
        CatalogueInvalid: the file cannot be read.
    """
    text = _text(path)
    if path.suffix.lower() in {".yaml", ".yml"}:
        return _from_yaml(text, path)
    if path.suffix.lower() == ".csv":
        return _from_csv(text)
    raise CatalogueInvalid(f"{path.name} is neither a .yaml nor a .csv file.")


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise CatalogueInvalid(f"{path.name} has more than {MAXIMUM_BYTES // 1_000_000} MB.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CatalogueInvalid(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CatalogueInvalid(f"{path.name} is not UTF-8; save it as UTF-8.") from error


class _StrictLoader(yaml.CSafeLoader):
    """Reads YAML and notes each key that occurs twice, of which the last would win unnoticed."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.faults: list[str] = []

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value)
        line = node.start_mark.line + 1
        self.faults += [
            f"{key!r} stands twice in the entry that begins in line {line}."
            for key, count in keys.items()
            if count > 1
        ]
        return super().construct_mapping(node, deep=deep)


def _from_yaml(text: str, path: Path) -> dict[str, Any]:
    try:
        _require_shallow(text, path)
        loader = _StrictLoader(text)
        document = loader.get_single_data()
    except yaml.YAMLError as error:
        raise CatalogueInvalid(f"{path.name} is no YAML: {error}") from error
    refuse(loader.faults)
    if not isinstance(document, dict):
        raise CatalogueInvalid(
            f"{path.name} has no categories: expected a mapping with `categories:`."
        )
    return document


def _require_shallow(text: str, path: Path) -> None:
    """Refuse what is nested so deeply that it would crash the loader, which recurses in C."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_MAXIMUM:
            raise CatalogueInvalid(f"{path.name} is nested too deeply.")


def _from_csv(text: str) -> dict[str, Any]:
    header = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CatalogueInvalid(f"The CSV cannot be read: {error}.") from error
    columns = [name.strip().lower() for name in rows[0]] if rows else []
    numbered = [(number, cells) for number, cells in enumerate(rows[1:], start=2) if any(cells)]
    refuse(
        [
            *_faults_of_columns(columns),
            *(
                f"Row {number} has {len(cells)} cells, the first line {len(columns)}."
                for number, cells in numbered
                if len(cells) > len(columns)
            ),
        ]
    )
    document: dict[str, Any] = {"departments": [], "groups": [], "categories": []}
    for _, cells in numbered:
        if row := _row(columns, cells):
            _add(document, row)
    return document


def _faults_of_columns(columns: list[str]) -> Iterator[str]:
    if "slug" not in columns:
        yield "The first line has no column `slug`."
    for name, count in Counter(columns).items():
        if count > 1:
            yield f"The column {name!r} is there twice."
    known = {*TEXT_COLUMNS, *OTHER_COLUMNS}
    if unknown := [
        name for name in columns if name not in known and not TRANSLATED_COLUMN.fullmatch(name)
    ]:
        expected = ", ".join([*TEXT_COLUMNS, *OTHER_COLUMNS])
        yield (
            f"Unknown columns: {', '.join(unknown)}. Expected {expected}, or one with a language "
            "such as name_es."
        )


def _row(columns: list[str], cells: list[str]) -> dict[str, str]:
    """Return the cells that are not empty, by column."""
    return {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if cell.strip()}


def _add(document: dict[str, Any], row: Mapping[str, str]) -> None:
    for level, plural in (("department", "departments"), ("group", "groups")):
        if f"{level}_name" in row:
            entry = {"slug": row.get(level, ""), "name": row[f"{level}_name"]}
            if entry not in document[plural]:
                document[plural].append(entry)
    document["categories"].append(_category(row))


def _category(row: Mapping[str, str]) -> dict[str, Any]:
    category: dict[str, Any] = {name: row[name] for name in TEXT_COLUMNS if name in row}
    for name in ("keywords", "examples"):
        if name in row:
            category[name] = _list(row[name])
    if "position" in row:
        category["position"] = row["position"]
    if "is_active" in row:
        category["is_active"] = _boolean(row["is_active"])
    if "deadline_hours" in row:
        category["deadline"] = _deadline(row)
    if translations := _translations(row):
        category["translations"] = translations
    return category


def _deadline(row: Mapping[str, str]) -> dict[str, Any]:
    deadline: dict[str, Any] = {"hours": row["deadline_hours"]}
    if "in_working_hours" in row:
        deadline["in_working_hours"] = _boolean(row["in_working_hours"])
    if "answer_hours" in row:
        deadline["answer_hours"] = row["answer_hours"]
    return deadline


def _translations(row: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    translations: dict[str, dict[str, Any]] = {}
    for column, text in row.items():
        if match := TRANSLATED_COLUMN.fullmatch(column):
            field, language = match.groups()
            translations.setdefault(language, {})[field] = (
                _list(text) if field == "examples" else text
            )
    return translations


def _list(text: str) -> list[str]:
    return [part.strip() for part in LIST_SEPARATOR.split(text) if part.strip()]


def _boolean(text: str) -> bool | str:
    """Return what a cell says; one that says neither stays as it is, for `format` to refuse."""
    return BOOLEANS.get(text.lower(), text)


def shipped_categories() -> list[Category]:
    """Return the categories of the shipped file, not stored, for their texts."""
    fields = ("slug", "name", "description", "keywords", "examples", "translations")
    return [
        Category(**{name: entry[name] for name in fields}) for entry in read(SHIPPED)["categories"]
    ]
