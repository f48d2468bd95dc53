"""`manage.py import_opportunities FILE`: bring in opportunities of another system."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from matching.errors import ImportFileError
from matching.import_formats import FORMATS
from matching.importing import Counts, import_opportunities

LINE_SECONDS = 2.0


class Command(BaseCommand):
    """Arguments around `importing.import_opportunities`."""

    help = (
        "Import opportunities from a file of any size (JSON lines or CSV). An opportunity is known by its source and "
        "external id: importing again changes what is different and adds nothing twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--format", choices=sorted(FORMATS), help="by the file's ending unless given"
        )
        parser.add_argument("--source", help="where they come from; the file's name unless given")
        parser.add_argument(
            "--rejects", type=Path, help="where rejected rows go, one JSON object a line"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is no file.")
        source = (options["source"] or path.stem)[:80]
        rejects = options["rejects"] or settings.DATA_DIR / "imports" / f"{source}.rejects.jsonl"
        rejects.parent.mkdir(parents=True, exist_ok=True)
        self._next_line = time.monotonic() + LINE_SECONDS
        file_format = options["format"] or ("csv" if path.suffix.lower() == ".csv" else "jsonl")
        try:
            counts = import_opportunities(
                path, source=source, format=file_format, rejects=rejects, on_progress=self._show
            )
        except ImportFileError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{source}: {_told(counts)}")
        if counts.rejected:
            self.stdout.write(f"Rejected rows, with reasons: {rejects}")

    def _show(self, counts: Counts) -> None:
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            print(_told(counts), file=sys.stderr, flush=True)


def _told(counts: Counts) -> str:
    return (
        f"{counts.rows} rows, {counts.created} new, {counts.changed} changed, {counts.unchanged} unchanged, "
        f"{counts.rejected} rejected"
    )
