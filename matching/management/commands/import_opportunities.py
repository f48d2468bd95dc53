"""`manage.py import_opportunities FILE`: bring in opportunities of another system."""

from __future__ import annotations

from imports.command import ImportCommand
from matching.importing import OpportunityImporter


class Command(ImportCommand):
    """Arguments around `imports.carrying_out.import_file`."""

    importer = OpportunityImporter
    help = (
        "Import opportunities from a file of any size. An opportunity is known by its source and "
        "external id: importing again changes what is different and adds nothing twice. Rows that "
        "are no opportunities go to a file with the reason."
    )
