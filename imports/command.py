"""The base of the commands that import files: options, progress and summary."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from imports.carrying_out import Progress, import_file
from imports.errors import ImportFileError
from imports.importers import Importer, ImportFile
from imports.mapping import columns_from
from imports.times import TIME_FORMATS

LINE_SECONDS = 5.0


class ImportCommand(BaseCommand):
    """The command `manage.py import_… FILE` for one importer."""

    importer: ClassVar[type[Importer[Any]]]

    def add_arguments(self, parser: CommandParser) -> None:
        fields = ", ".join(self.importer.fields)
        times = "; ".join(f"{name}: {text}" for name, text in TIME_FORMATS.items())
        parser.add_argument("file", type=Path, help="CSV, JSON, GeoJSON or XML, also .gz")
        parser.add_argument(
            "--format",
            default="",
            choices=sorted(self.importer.formats),
            help="The system whose column names the file uses; by default the fields' own names.",
        )
        parser.add_argument(
            "--map",
            default="",
            metavar="FIELD=COLUMN,…",
            help=f"Which column holds which field. Fields: {fields}.",
        )
        parser.add_argument(
            "--source", help="The system that the rows come from; by default the file's name."
        )
        parser.add_argument(
            "--rejects", type=Path, help="The file for rejected rows, one JSON object a line."
        )
        parser.add_argument("--encoding", default="", help="Such as cp1252; detected by default.")
        parser.add_argument(
            "--time-format",
            default="iso",
            help=f"{times.replace('%', '%%')}; or a pattern such as %%m/%%d/%%y %%H:%%M.",
        )
        parser.add_argument(
            "--time-zone",
            default="",
            help="The zone of times without an offset, such as America/New_York; else TIME_ZONE.",
        )
        parser.add_argument(
            "--ids-from-rows",
            action="store_true",
            help="Compute an id from the content of each row that has none. A row that is "
            "corrected later then counts as a new one.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is not a file.")
        try:
            file = import_file_of(path, options)
            rejects = options["rejects"] or _rejects_path(file.source)
            rejects.parent.mkdir(parents=True, exist_ok=True)
            with _Display(file.source, self) as display:
                run = import_file(self.importer(file), rejects=rejects, on_progress=display.show)
        except (ImportFileError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{run.summary} ({display.rows_per_second(run.rows):.0f} rows/s)")
        if run.rejected:
            self.stdout.write(f"Rejected rows, with reasons: {rejects}")


def import_file_of(path: Path, options: dict[str, Any]) -> ImportFile:
    """Return the file with the options of a command.

    Raises:
        ImportFileError: the source or the map of columns is malformed.
    """
    return ImportFile(
        path=path,
        source=options["source"] or path.name.removesuffix(".gz").rpartition(".")[0] or path.name,
        format=options["format"],
        columns=columns_from(options["map"]),
        encoding=options["encoding"],
        time_format=options["time_format"],
        time_zone=options["time_zone"],
        ids_from_rows=options["ids_from_rows"],
        is_live=options.get("live", False),
    )


def _rejects_path(source: str) -> Path:
    """Return the default path of the file of rejects.

    Characters of the source that no file name may have become `_`.
    """
    name = source.replace("/", "_").replace("\0", "_")
    return Path(settings.DATA_DIR / "imports" / f"{name}.rejects.jsonl")


class _Display:
    """A progress bar on a terminal; elsewhere a plain line every few seconds."""

    def __init__(self, source: str, command: BaseCommand) -> None:
        self._source = source
        self._command = command
        self._first_rows: int | None = None
        self._started = time.monotonic()
        self._next_line = self._started + LINE_SECONDS
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm(total=100, unit="%", desc=source, disable=not self._is_terminal)

    def __enter__(self) -> _Display:
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.close()

    def rows_per_second(self, rows: int) -> float:
        """Return the rate of this command, without the rows that an earlier one imported."""
        return (rows - (self._first_rows or 0)) / max(time.monotonic() - self._started, 0.001)

    def show(self, progress: Progress) -> None:
        """Show the progress of an import; at the first call also how the file is read."""
        run = progress.run
        if self._first_rows is None:
            self._first_rows = run.rows
            for note in progress.notes:
                self._command.stdout.write(note)
        self._bar.update(round(100 * progress.fraction) - self._bar.n)
        self._bar.set_postfix_str(f"{run.created} new, {run.rejected} rejected", refresh=False)
        if not self._is_terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            percent = int(100 * progress.fraction)
            print(
                f"{run.source}: {percent} %, {run.rows} rows, {run.rejected} rejected",
                file=sys.stderr,
                flush=True,
            )
