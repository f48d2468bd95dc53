"""`manage.py import_reports FILE`: import reports of another system."""

from __future__ import annotations

from django.core.management.base import CommandParser

from imports.command import ImportCommand
from reports.importing.importer import ReportImporter


class Command(ImportCommand):
    """Import reports with `imports.carrying_out.import_file`."""

    importer = ReportImporter
    help = (
        "Import reports from a file of any size. An interrupted import goes on where it stopped; a "
        "report is known by its source and external id and never imported twice. Rows that are no "
        "reports go to a file with the reason."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--live",
            action="store_true",
            help="These reports are new: their reporters get messages about them.",
        )
