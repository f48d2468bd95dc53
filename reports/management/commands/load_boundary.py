"""`manage.py load_boundary [FILE] [--neighbours FILE]`: say which places the city serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.management.tables import make_tables
from reports.errors import BoundaryInvalid
from reports.geography import boundary


class Command(BaseCommand):
    """Load the boundary and the neighbours with `boundary.load`."""

    help = (
        "Load the boundary of the city, and the neighbouring authorities, from GeoJSON (WGS 84). "
        "A report from outside is refused then, and names the neighbour. A feature has the "
        "properties `name` and `url`. Loading the same files again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="the city's own polygons")
        parser.add_argument("--name", default="", help="the city's name, if the file has none")
        parser.add_argument("--neighbours", type=Path, help="the polygons of the neighbours")
        parser.add_argument(
            "--dry-run", action="store_true", help="print the changes without making them"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not (options["file"] or options["neighbours"]):
            raise CommandError("Name a file of the boundary, one of the neighbours, or both.")
        make_tables()
        is_dry_run = options["dry_run"]
        changes = []
        if options["file"]:
            changes += _load(
                options["file"], is_own=True, name=options["name"], is_dry_run=is_dry_run
            )
        if options["neighbours"]:
            changes += _load(options["neighbours"], is_own=False, is_dry_run=is_dry_run)
        for line in changes:
            self.stdout.write(line)
        if not changes:
            self.stdout.write("Nothing to change.")
        elif is_dry_run:
            self.stdout.write("None made: this was a dry run.")


def _load(file: Path, **options: Any) -> list[str]:
    try:
        return boundary.load(json.loads(file.read_bytes()), **options)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}.") from error
    except (ValueError, RecursionError, BoundaryInvalid) as error:
        raise CommandError(f"{file}: {error}") from error
