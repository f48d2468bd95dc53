"""Drop folders: files in CSV, JSON or NDJSON that somebody puts into COLLECTION_FOLDER.

A file is read once it has stood still for a moment, then moved to `done`, or to `failed` if it
cannot be read at all. Rows that cannot be read are listed beside it, in `NAME.rejects.jsonl`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings

from imports.errors import ImportFileError, RowRejected
from imports.reading.records import Record, fold_name
from imports.reading.surveys import Survey, reading, survey
from imports.rows import Row
from imports.times import TimeReader
from jobs.http import strict_json
from reports.collection.kinds.checking import require_options
from reports.collection.kinds.protocol import Batch, Item, SourceFault, SourceMisconfigured
from reports.models import Source
from reports.models.collection import EXTERNAL_ID_MAX_CHARACTERS

BATCH_ROWS = 200
#: A file that changed within these seconds may still be written.
QUIET_SECONDS = 2.0
FIELDS = (
    "external_id", "title", "text", "author", "url", "posted_at", "edited_at", "latitude",
    "longitude", "address", "deleted",
)  # fmt: skip
_OPTIONS = {"columns": dict, "time_format": str, "time_zone": str, "encoding": str}
_UNFINISHED = (".part", ".tmp", ".crdownload", ".swp")
_IDENTITY = ("posted_at", "author", "title", "text")


def check(source: Source) -> None:
    """Check the folder's name and the options."""
    _folder(source)
    options = require_options(source, _OPTIONS)
    unknown = set(options.get("columns", {})) - set(FIELDS)
    if unknown:
        raise SourceMisconfigured(f"There are no fields {', '.join(sorted(unknown))[:200]}.")
    _times(source)


def collect(source: Source) -> Iterator[Batch]:
    """Yield the rows of each file; a file is moved once its last row was stored.

    Raises:
        SourceFault: a file could not be read; the others were.
    """
    folder = _folder(source)
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for path in _ready(folder):
        try:
            yield from _File(source, path).read()
        except (ImportFileError, OSError) as error:
            failed.append(f"{path.name}: {error}")
            _move(path, "failed")
        else:
            _move(path, "done")
    if failed:
        raise SourceFault(" ".join(failed))


def _folder(source: Source) -> Path:
    """Return the source's folder, which lies in COLLECTION_FOLDER.

    Raises:
        SourceMisconfigured: its name leads elsewhere.
    """
    name = source.address
    if not name or name in (".", "..") or "/" in name or "\\" in name or name.startswith("."):
        raise SourceMisconfigured(
            "The address must be the plain name of a folder, such as letters."
        )
    return Path(settings.COLLECTION_FOLDER) / name


def _times(source: Source) -> TimeReader:
    try:
        options = source.options
        return TimeReader.of(options.get("time_format", "iso"), options.get("time_zone", ""))
    except ImportFileError as error:
        raise SourceMisconfigured(str(error)) from error


def _ready(folder: Path) -> list[Path]:
    """Return the files that nobody writes any more, the oldest first."""
    quiet_since = time.time() - QUIET_SECONDS
    files = [
        (path.stat().st_mtime, path)
        for path in folder.iterdir()
        if path.is_file()
        and not path.is_symlink()
        and not path.name.startswith(".")
        and not path.name.endswith(_UNFINISHED)
    ]
    return [path for changed_at, path in sorted(files) if changed_at <= quiet_since]


class _File:
    """One file of a source."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source = source
        self._path = path
        self._times = _times(source)
        columns = source.options.get("columns", {})
        self._columns = {field: fold_name(str(columns.get(field, field))) for field in FIELDS}
        self._rejects: list[dict[str, Any]] = []

    def read(self) -> Iterator[Batch]:
        """Yield the rows in batches, from where an interrupted reading stopped.

        Raises:
            ImportFileError: the file cannot be read.
        """
        surveyed = survey(self._path, encoding=self._source.options.get("encoding", ""))
        cursor = self._source.cursor
        rows = cursor.get("rows", 0) if cursor.get("digest") == surveyed.digest else 0
        for number, items in self._batches(surveyed, rows):
            yield Batch(items, {"digest": surveyed.digest, "rows": number})
        self._write_rejects()

    def _batches(self, surveyed: Survey, skipped: int) -> Iterator[tuple[int, list[Item]]]:
        with reading(surveyed) as (records, _):
            number = len(list(islice(records, skipped)))
            while batch := list(islice(records, BATCH_ROWS)):
                items = [self._item(record, number + n) for n, record in enumerate(batch, start=1)]
                number += len(batch)
                yield number, [item for item in items if item is not None]

    def _item(self, record: Record, number: int) -> Item | None:
        try:
            return _item(Row(record, self._columns, self._times), record)
        except RowRejected as error:
            self._rejects.append(
                {"row": number, "line": record.line, "reason": str(error)}
                | {"values": record.values}
            )
            return None

    def _write_rejects(self) -> None:
        if self._rejects:
            target = self._path.parent / "done" / f"{self._path.name}.rejects.jsonl"
            target.parent.mkdir(exist_ok=True)
            lines = (strict_json.dumps(line) for line in self._rejects)
            target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _item(row: Row, record: Record) -> Item:
    external_id = row.external_id(longest=EXTERNAL_ID_MAX_CHARACTERS, otherwise=_IDENTITY)
    is_deleted = row.flag("deleted", default=False)
    title, text = row.text("title"), row.text("text")
    if not (title or text or is_deleted):
        raise RowRejected("neither title nor text")
    place = row.place()
    return Item(
        external_id=external_id,
        title=title,
        text=text,
        author=row.text("author"),
        url=row.text("url"),
        posted_at=row.moment("posted_at"),
        edited_at=row.moment("edited_at"),
        latitude=place[0] if place else None,
        longitude=place[1] if place else None,
        address=row.text("address"),
        is_deleted=is_deleted,
        raw=dict(record.values),
    )


def _move(path: Path, where: str) -> None:
    """Move a file that was read; one of the same name there is replaced."""
    target = path.parent / where
    target.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        path.replace(target / path.name)
