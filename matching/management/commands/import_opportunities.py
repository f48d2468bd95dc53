"""The command `manage.py import_opportunities FILE`: import opportunities of another system."""

from __future__ import annotations

from imports.command import ImportCommand
from matching.importing import OpportunityImporter


class Command(ImportCommand):
    """The command line of `imports.carrying_out.import_file` for opportunities."""

    importer = OpportunityImporter
    help = (
        "Import opportunities from a file of any size. An opportunity is recognised by its source "
        "and external id: importing it again changes what differs and adds nothing twice. Rejected "
        "rows go to a file, with the reasons."
    )
