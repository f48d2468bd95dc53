"""`manage.py load_gazetteer FILE`: load the names of streets and places from GeoJSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from jobs.management.tables import make_tables
from reports.collection.analysis import gazetteer


class Command(BaseCommand):
    """Load the names with `gazetteer.load`."""

    help = (
        "Load the names of streets and places from a GeoJSON FeatureCollection (WGS 84), by which "
        "collected posts are placed. They replace the names of the last file. Lines are streets, "
        "points are places, polygons are parts of the city; the property `name` names each."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--name-property", default="name", help="the property with the name")

    def handle(self, *_args: Any, **options: Any) -> None:
        make_tables()
        file: Path = options["file"]
        try:
            document = json.loads(file.read_bytes())
            with transaction.atomic():
                count = gazetteer.load(document, property_name=options["name_property"])
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from error
        except (ValueError, RecursionError) as error:
            raise CommandError(f"{file}: {error}") from error
        self.stdout.write(f"{count} names loaded.")
