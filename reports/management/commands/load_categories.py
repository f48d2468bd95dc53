"""`manage.py load_categories [FILE]`: load departments, categories and rules from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.management.tables import make_tables
from reports.catalogue import documents, loading
from reports.errors import CatalogueInvalid


class Command(BaseCommand):
    """Load a file of the catalogue with `loading.load`."""

    help = (
        "Load departments, categories, questions and severity rules from a YAML or CSV file; the "
        "one that ships with "
        "the product unless FILE is given. What the file does not mention stays as it is, and "
        "loading it again "
        "changes nothing. docs/catalogue.md describes the file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=documents.SHIPPED)
        parser.add_argument(
            "--dry-run", action="store_true", help="print the changes without making them"
        )
        parser.add_argument(
            "--only-new", action="store_true", help="leave alone what is there already"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        make_tables()
        try:
            changes = loading.load(
                documents.read(options["file"]),
                is_dry_run=options["dry_run"],
                only_new=options["only_new"],
            )
        except CatalogueInvalid as error:
            raise CommandError(str(error)) from error
        for line in changes:
            self.stdout.write(line)
        self.stdout.write(_summary(len(changes), is_dry_run=options["dry_run"]))


def _summary(changes: int, *, is_dry_run: bool) -> str:
    if not changes:
        return "Nothing to change."
    counted = "1 change" if changes == 1 else f"{changes} changes"
    return f"{counted}, none made: this was a dry run." if is_dry_run else f"{counted} made."
