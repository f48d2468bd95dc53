"""`manage.py import_reports FILE`: bring in reports of another system."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from reports.errors import ImportFileError
from reports.importing.formats import FIELDS, FORMATS
from reports.importing.importer import ImportFile, import_reports, interrupted_run
from reports.models import ImportRun

LINE_SECONDS = 5.0


class Command(BaseCommand):
    help = (
        "Import reports from a file of any size. An interrupted import goes on where it stopped; a report is known "
        "by its source and external id and never imported twice. Rows that are no reports go to a file with the reason."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=sorted(FORMATS), default="csv")
        parser.add_argument(
            "--map",
            default="",
            metavar="FIELD=COLUMN,…",
            help=f"Where the file has what. Fields: {', '.join(FIELDS)}.",
        )
        parser.add_argument(
            "--source", help="Where the reports come from; the file's name unless given."
        )
        parser.add_argument(
            "--rejects", type=Path, help="Where rejected rows go, one JSON object a line."
        )
        parser.add_argument(
            "--live", action="store_true", help="These reports are new: they notify and escalate."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is no file.")
        source = (options["source"] or path.stem)[:80]
        rejects = options["rejects"] or settings.DATA_DIR / "imports" / f"{source}.rejects.jsonl"
        file = ImportFile(
            path=path,
            source=source,
            format=options["format"],
            columns=_columns(options["map"]),
            is_live=options["live"],
        )
        started = time.monotonic()
        try:
            rejects.parent.mkdir(parents=True, exist_ok=True)
            earlier = interrupted_run(file)
            with _Progress(path.stat().st_size, source) as progress:
                run = import_reports(file, rejects=rejects, on_progress=progress.show)
        except (ImportFileError, OSError) as error:
            raise CommandError(str(error)) from error
        new_rows = run.rows - (earlier.rows if earlier else 0)
        self.stdout.write(_summary(run, new_rows / max(time.monotonic() - started, 0.001)))
        if run.rejected:
            self.stdout.write(f"Rejected rows, with reasons: {rejects}")


def _columns(text: str) -> dict[str, str]:
    """`title=summary,description=desc` as a mapping; raises CommandError."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    columns = {name.strip(): column.strip() for name, _, column in pairs}
    unknown = [name for name, column in columns.items() if name not in FIELDS or not column]
    if unknown:
        raise CommandError(
            f"--map takes FIELD=COLUMN,… with fields {', '.join(FIELDS)}; not: {', '.join(unknown)}."
        )
    return columns


def _summary(run: ImportRun, rows_per_second: float) -> str:
    return (
        f"{run.source}: {run.rows} rows, {run.created} new reports, {run.known} known before, {run.rejected} rejected "
        f"({rows_per_second:.0f} rows/s)"
    )


class _Progress:
    """A bar on a terminal; elsewhere a plain line every few seconds."""

    def __init__(self, total_bytes: int, source: str) -> None:
        self._total = total_bytes
        self._next_line = time.monotonic() + LINE_SECONDS
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total_bytes, unit="B", unit_scale=True, desc=source, disable=not self._is_terminal
        )

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.close()

    def show(self, run: ImportRun) -> None:
        self._bar.update(run.byte_offset - self._bar.n)
        self._bar.set_postfix_str(f"{run.created} new, {run.rejected} rejected", refresh=False)
        if not self._is_terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            percent = 100 * run.byte_offset // max(self._total, 1)
            print(
                f"{run.source}: {percent} %, {run.rows} rows, {run.rejected} rejected",
                file=sys.stderr,
                flush=True,
            )
