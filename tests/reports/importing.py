"""Files to import, and the import, for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imports.carrying_out import import_file
from imports.importers import ImportFile
from imports.models import ImportRun
from reports.importing.importer import ReportImporter

HEADER = "created_at,lng,lat,rating,status,summary,desc"


SEECLICKFIX = ("--format=seeclickfix-csv", "--ids-from-rows")


GOOD = "2014-05-07T19:02:44-04:00,-72.92,41.31,12,Acknowledged,Street light,The light is out."


def write(tmp_path: Path, *rows: str | bytes, header: str = HEADER) -> Path:
    path = tmp_path / "city.csv"
    lines = [row if isinstance(row, bytes) else row.encode() for row in (header, *rows)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def numbered(count: int) -> list[str]:
    return [GOOD.replace("The light is out", f"Light {number} is out") for number in range(count)]


def seeclickfix(path: Path, source: str = "city") -> ImportFile:
    return ImportFile(path=path, source=source, format="seeclickfix", ids_from_rows=True)


class Killed(Exception):
    """Stands for the end of the process."""


def import_reports(
    file: ImportFile, *, rejects: Path, on_batch: Callable[[ImportRun], None] | None = None
) -> ImportRun:
    """Import; `on_batch` is called at the beginning and after each batch."""
    return import_file(
        ReportImporter(file),
        rejects=rejects,
        on_progress=(lambda progress: on_batch(progress.run)) if on_batch else None,
    )


def reasons(rejects: Path) -> list[str]:
    return [json.loads(line)["reason"] for line in rejects.read_text().splitlines()]


def interrupt(file: ImportFile, rejects: Path, *, after_rows: int) -> None:
    """Import as far as the batch that ends with this row."""

    def die(run: ImportRun) -> None:
        if run.rows == after_rows:
            raise Killed

    with pytest.raises(Killed):
        import_reports(file, rejects=rejects, on_batch=die)
